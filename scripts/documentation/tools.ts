import { type OpenApiDocument, tools } from "../../reference/openapi.ts";
import type { Tool } from "../../reference/operation.ts";
import { DEFAULT_LIMIT, MAX_LIMIT } from "../../src/http/page.ts";
import type { Catalogue, CataloguedTool } from "../../src/mcp/catalogue.ts";
import { type DocumentedOperation, operationsOf, resolve, type Schema } from "./operations.ts";

// The tools of /mcp: the operations whose rooms say in reference/ that they are tools, in the words that they say it in.
// A client gives the whole list to its model with every conversation, so it is kept short.

const INSTRUCTIONS =
  "Import customers' own Twilio numbers, and say which agent answers them. A tool that changes something has the " +
  "argument apply. Without apply: true it only plans. Call it like this first, show the plan to the user, and call it " +
  "again with apply: true when the user agrees. Send a new UUID as idempotency_key with it, and the same one if you must " +
  "repeat it: it is done once. Errors have a code, a message that says what to do, and a doc_url.";

const APPLY: Schema = { type: "boolean", description: "true: do it; else only plan." };

/** Of more values only the error of a wrong one tells. */
const MAX_VALUES = 10;

/** Arguments that mean the same in many tools; empty: their names say it. */
const COMMON: Record<string, string> = {
  limit: `Up to ${MAX_LIMIT}; ${DEFAULT_LIMIT} unless told.`,
  number: "In E.164, or its SID at Twilio.",
  offset: "",
  external_id: "Only of numbers that had it then.",
  ...Object.fromEntries(
    ["direction", "event", "import_id", "outcome", "state", "status"].map((name) => [name, ""]),
  ),
};

export function toolCatalogue(document: OpenApiDocument): Catalogue {
  const operations = operationsOf(document);
  const readable = new Set(operations.flatMap(({ method, path }) => (method === "GET" ? [path] : [])));
  return {
    serverInfo: { name: "nixflex-numbers", title: document.info.title, version: document.info.version },
    instructions: INSTRUCTIONS,
    tools: operations.flatMap((operation) => {
      const tool = tools.get(operation.id);
      return tool ? [catalogued(document, operation, tool, readable)] : [];
    }),
  };
}

function catalogued(
  document: OpenApiDocument,
  operation: DocumentedOperation,
  tool: Tool,
  readable: ReadonlySet<string>,
): CataloguedTool {
  const { id, method, path, summary, requestSchema } = operation;
  const parameters = operation.parameters.filter(({ in: place }) => place !== "header");
  const body = requestSchema && resolve(document, requestSchema);
  const once: Schema = { type: "string", ...(tool.isOnce && { description: "Your UUID for this task." }) };
  const readsOnly = method === "GET" || tool.readsOnly === true;
  const fields: [name: string, schema: Schema][] = [
    ...parameters.map(({ name, schema, description }): [string, Schema] => [
      name,
      { ...schema, ...(description !== undefined && { description }) },
    ]),
    ...Object.entries(body?.properties ?? {}),
  ].filter(([name]) => name !== "dry_run" && !tool.withholds?.includes(name));
  if (new Set(fields.map(([name]) => name)).size < fields.length)
    throw new Error(`${id}: one name, two fields`);
  const required = [
    ...parameters.filter((parameter) => parameter.required).map(({ name }) => name),
    ...(body?.required ?? []),
    ...(tool.isOnce ? ["idempotency_key"] : []),
  ];
  const hasDryRun = parameters.some(({ name }) => name === "dry_run");
  // What is not said is MCP's default: it changes something, may take something away, and counts each time.
  const annotations = {
    ...(readsOnly && { readOnlyHint: true }),
    ...(!readsOnly && tool.isAdditive && { destructiveHint: false }),
    ...(!readsOnly && method !== "POST" && { idempotentHint: true }),
  };
  const lookup = path.slice(0, path.lastIndexOf("}") + 1);
  return {
    tool: {
      name: tool.name,
      title: summary,
      description: tool.text,
      inputSchema: {
        type: "object",
        properties: {
          ...Object.fromEntries(
            fields.map(([name, schema]) => {
              const description = tool.arguments?.[name] ?? COMMON[name] ?? schema.description;
              const { type, ...bounds } = brief(schema);
              // Of what is said elsewhere, its bounds are said there too.
              return [name, { type, ...(description !== "" && { ...bounds, description }) }];
            }),
          ),
          ...(!readsOnly && { apply: APPLY, idempotency_key: once }),
        },
        ...(required.length > 0 && { required }),
      },
      ...(Object.keys(annotations).length > 0 && { annotations }),
    },
    method,
    path,
    query: parameters.flatMap(({ in: place, name }) =>
      place === "query" && name !== "dry_run" ? [name] : [],
    ),
    hasBody: body !== undefined,
    hasDryRun,
    ...(!readsOnly && !hasDryRun && readable.has(lookup) && { lookup }),
  };
}

/**
 * A schema as far as a model needs it to begin. The endpoint checks the rest, bounds too, and its error says what would be
 * right; what an object has in it is told in words.
 */
function brief(schema: Schema & { oneOf?: Schema[]; anyOf?: Schema[] }): Schema {
  const { type, enum: values, items, oneOf, anyOf } = schema;
  const [form, ...others] = anyOf ?? [];
  if (form && others.every((other) => other.type === "null")) {
    const whole = brief(form);
    return {
      ...whole,
      ...(typeof whole.type === "string" && { type: [whole.type, "null"] }),
      ...(whole.enum && { enum: [...whole.enum, null] }),
    };
  }
  return {
    ...(oneOf ? { type: "object" } : type !== undefined && { type }),
    ...(values && values.length <= MAX_VALUES && { enum: values }),
    ...(items && { items: brief(items) }),
  };
}
