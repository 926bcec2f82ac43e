import { errorHelp } from "../../reference/error-help.ts";
import type { OpenApiDocument } from "../../reference/openapi.ts";
import { type ErrorCode, errorCatalogue, errorType } from "../../src/http/errors.ts";
import { type DocumentedOperation, operationsOf, resolve, type Schema } from "./operations.ts";

// The API as plain text, for language models and for people with a terminal. https://llmstxt.org

const SUMMARY = "Bring your own Twilio number to your AI agent: one call imports it.";

/** `GET /llms.txt`: the endpoints, and links to the documentation. */
export function llmsText(document: OpenApiDocument): string {
  const operations = operationsOf(document).map(
    ({ method, path, summary, anchor }) => `- [${method} ${path}](/docs#${anchor}): ${summary}`,
  );
  return `# ${document.info.title}

> ${SUMMARY}

Paths are relative to the host of this file. Requests need \`Authorization: Bearer KEY_ID:KEY_SECRET\`.

## Documentation

- [Everything in one file](/llms-full.txt): every endpoint, field and error
- [OpenAPI 3.1](/openapi.json): the same, for tools
- [Errors](/docs/errors): what each code means and what to do

An MCP client uses the same API as tools: POST /mcp, Streamable HTTP, with the same Authorization header.

## Endpoints

${operations.join("\n")}
`;
}

/** `GET /llms-full.txt`, and docs/api.md: every endpoint, field and error. */
export function llmsFullText(document: OpenApiDocument, codes: readonly ErrorCode[]): string {
  return `# ${document.info.title}

${(document.info.description ?? SUMMARY).replaceAll("](/docs/errors)", "](#errors)")}

${operationsOf(document)
  .map((operation) => operationText(document, operation))
  .join("\n")}
## Errors

${codes.map(errorText).join("\n")}`;
}

const AUTHENTICATIONS: Record<string, string> = {
  apiKey: "API key",
  adminToken: "the deployment's admin token",
  connectLink: "the token of a connect link",
};

function operationText(document: OpenApiDocument, operation: DocumentedOperation): string {
  const { method, path, summary, description, security, parameters, errors } = operation;
  const blocks = [
    `## ${method} ${path}`,
    `${summary}. ${
      security === undefined ? "No authentication." : `Authentication: ${AUTHENTICATIONS[security]}.`
    }`,
    description,
    ...parameters.map(
      ({ name, in: place, required, description: about = "", schema }) =>
        `- \`${name}\` (${place}${required ? ", required" : ""}${rules(schema)}): ${about}`,
    ),
    operation.requestSchema && `Body:\n\n${fields(resolve(document, operation.requestSchema))}`,
    operation.requestExample !== undefined && `Example:\n\n${json(operation.requestExample)}`,
    ...operation.answers.map(
      ({ status, description: about, example }) => `Answer: ${status}. ${about}\n\n${json(example)}`,
    ),
    `Errors: ${errors.map((code) => `\`${code}\` (${errorCatalogue[code].status})`).join(", ")}.`,
  ];
  return `${blocks.filter(Boolean).join("\n\n")}\n`;
}

function fields({ properties = {}, required = [] }: Schema): string {
  return Object.entries(properties)
    .map(
      ([name, schema]) =>
        `- \`${name}\` (${required.includes(name) ? "required" : "optional"}${rules(schema)}): ${schema.description ?? ""}`,
    )
    .join("\n");
}

/** The rules for a value, in a few words. */
function rules({
  type,
  enum: values,
  maxLength,
  minimum,
  maximum,
  pattern,
  default: fallback,
}: Schema): string {
  return [
    type && [type].flat().join(" or "),
    values && `one of ${values.join(", ")}`,
    maxLength !== undefined && `up to ${maxLength.toLocaleString("en")} characters`,
    minimum !== undefined && `from ${minimum}`,
    maximum !== undefined && `to ${maximum}`,
    pattern && `\`${pattern}\``,
    fallback !== undefined && `default ${JSON.stringify(fallback)}`,
  ]
    .filter(Boolean)
    .map((rule) => `, ${rule}`)
    .join("");
}

function errorText(code: ErrorCode): string {
  const { status, message } = errorCatalogue[code];
  const { happened, remedy } = errorHelp[code];
  return `### ${code}

HTTP ${status}, type \`${errorType(status)}\`. ${message}

${happened}

${remedy.map((step, index) => `${index + 1}. ${step}`).join("\n")}
`;
}

function json(value: unknown): string {
  return `\`\`\`json\n${JSON.stringify(value, null, 2)}\n\`\`\``;
}
