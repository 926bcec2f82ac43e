import type { OpenApiDocument } from "../../reference/openapi.ts";
import type { Catalogue, CataloguedTool } from "../../src/mcp/catalogue.ts";
import { type DocumentedOperation, operationsOf, resolve, type Schema } from "./operations.ts";

// The tools of /mcp: every operation with an API key is one, except where the answer holds a secret.

/** Operations whose method says less than the truth: a POST that takes nothing away. */
const ADDITIVE = new Set(["createAgent", "tryAgent", "testWebhook", "redeliver"]);

const INSTRUCTIONS =
  "Import customers' own Twilio numbers, and say which agent answers them. A tool that changes something has the " +
  "argument apply. Without apply: true it only plans. Call it like this first, show the plan to the user, and call it " +
  "again with apply: true when the user agrees. Errors have a code, a message that says what to do, and a doc_url.";

const APPLY: Schema = {
  type: "boolean",
  default: false,
  description: "Without true, this tool only plans and changes nothing.",
};

export function toolCatalogue(document: OpenApiDocument): Catalogue {
  const tools = operationsOf(document).filter(isTool);
  return {
    serverInfo: { name: "nixflex-numbers", title: document.info.title, version: document.info.version },
    instructions: INSTRUCTIONS,
    tools: tools.map((operation) => toolOf(document, operation)),
  };
}

/** An answer with a secret is never stored, so its operation has no `Idempotency-Key`. A model must not see it. */
function isTool({ security, method, parameters }: DocumentedOperation): boolean {
  const isStored = parameters.some(({ in: place }) => place === "header");
  return security === "apiKey" && (method === "GET" || isStored);
}

function toolOf(document: OpenApiDocument, operation: DocumentedOperation): CataloguedTool {
  const { id, method, path, summary, description, requestSchema } = operation;
  const parameters = operation.parameters.filter(({ in: place }) => place !== "header");
  const body = requestSchema && resolve(document, requestSchema);
  const isChange = method !== "GET";
  const fields: [name: string, schema: Schema][] = [
    ...parameters.map(({ name, schema, description: about }): [string, Schema] => [
      name,
      { ...schema, ...(about !== undefined && { description: about }) },
    ]),
    ...Object.entries(body?.properties ?? {}),
  ].filter(([name]) => name !== "dry_run");
  if (new Set(fields.map(([name]) => name)).size < fields.length)
    throw new Error(`${id}: one name, two fields`);
  const required = [
    ...parameters.filter((parameter) => parameter.required).map(({ name }) => name),
    ...(body?.required ?? []),
  ];
  return {
    tool: {
      name: id.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      title: summary,
      description: description.replace(/\b([Ww])ith `\?dry_run=true`/g, "$1ithout `apply: true`"),
      inputSchema: selfContained(document, {
        type: "object",
        properties: { ...Object.fromEntries(fields), ...(isChange && { apply: APPLY }) },
        ...(required.length > 0 && { required }),
        additionalProperties: false,
      }),
      annotations: {
        readOnlyHint: !isChange,
        ...(isChange && {
          destructiveHint: !ADDITIVE.has(id),
          idempotentHint: method !== "POST",
        }),
      },
    },
    method,
    path,
    query: parameters.flatMap(({ in: place, name }) =>
      place === "query" && name !== "dry_run" ? [name] : [],
    ),
    hasBody: body !== undefined,
    hasDryRun: parameters.some(({ name }) => name === "dry_run"),
  };
}

const COMPONENTS = "#/components/schemas/";

/** The schema with the components that it refers to, because a tool is read without the document. */
function selfContained<Root extends object>(document: OpenApiDocument, root: Root): Root {
  if (!JSON.stringify(root).includes(COMPONENTS)) return root;
  const whole = JSON.stringify({ ...root, $defs: document.components?.schemas });
  return JSON.parse(whole.replaceAll(COMPONENTS, "#/$defs/"));
}
