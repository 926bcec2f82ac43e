import * as z from "zod/mini";
import { createDocument, type ZodOpenApiOperationObject } from "zod-openapi";
import type { ErrorCode } from "../src/http/errors.ts";
import { IDEMPOTENCY_HEADER, IDEMPOTENCY_KEY } from "../src/http/idempotency.ts";
import { agentReference } from "./agents.ts";
import { apiKeyReference } from "./api-keys.ts";
import { bulkImportReference } from "./bulk-imports.ts";
import { logReference, usageReference } from "./call-log.ts";
import { connectLinkReference } from "./connect-links.ts";
import { conversationReference } from "./conversations.ts";
import { errorEnvelope, errorExamples, errorResponses, headersOf } from "./errors.ts";
import { webhookReference } from "./events.ts";
import { PATH_PARAMETERS } from "./examples.ts";
import { healthReference } from "./health.ts";
import { answered, described, type Operation, type Reference, type Tool, withWarnings } from "./operation.ts";
import { callReference } from "./outbound.ts";
import { phoneNumberReference } from "./phone-numbers.ts";
import { reconciliationReference } from "./reconciliation.ts";
import { twilioAccountReference } from "./twilio-accounts.ts";

/** The features in the order the reference shows them. */
const references: readonly Reference[] = [
  phoneNumberReference,
  reconciliationReference,
  twilioAccountReference,
  connectLinkReference,
  bulkImportReference,
  agentReference,
  conversationReference,
  callReference,
  logReference,
  usageReference,
  webhookReference,
  apiKeyReference,
  healthReference,
];

/** What makes operations tools of /mcp, by operation. */
export const tools: ReadonlyMap<string, Tool> = new Map(
  references.flatMap(({ operations }) =>
    Object.values(operations).flatMap(({ id, tool }) => (tool ? [[id, tool] as const] : [])),
  ),
);

/** Codes that no operation of the document has: unknown paths and methods, what only Twilio gets, and what only /mcp gives. */
export const CODES_OUTSIDE_OPERATIONS: readonly ErrorCode[] = [
  "not_found",
  "method_not_allowed",
  "invalid_signature",
  "account_mismatch",
  "origin_not_allowed",
  "answer_too_large",
];

const INTRODUCTION = `
Bring your own Twilio number to your AI agent: one call imports it, and every call and text to it reaches this service.

**Authentication.** Send \`Authorization: Bearer KEY_ID:KEY_SECRET\`. A key sees only what belongs to it.

**Requests and answers** are JSON in UTF-8. A body may have up to 64 KiB, that of a bulk import up to 2 MiB. Every response has an \`x-request-id\`; give it to support.
Call it from a server: there is no CORS, because a key is a secret. There is no ETag, and \`If-Match\` is ignored. Of lists only the results of a bulk import come as CSV too.

**Retries.** Send your own \`Idempotency-Key\` with a request that changes something. If you send the request again with the
same key, it runs only once: for a day you get the first answer again, byte for byte, with
\`Idempotent-Replayed: true\`. A 429, a 5xx and an answer with \`Retry-After\` are not stored, so you can use the same key again. An answer that
holds a secret is never stored; those endpoints ignore the header.

**Rate limits.** Each API key may send about 600 reads, 120 writes and 6,000 calls and texts a minute, counted in each Cloudflare location. Above that you get \`rate_limit_exceeded\` (429) with \`Retry-After\`.

**Lists** accept \`limit\` and \`offset\`. The newest entry comes first, and \`count\` says how many entries there are in total. A \`limit\` above 100 counts as 100.

**A field that an endpoint does not know** is ignored, and the answer names it in \`warnings\`. An unknown query parameter is refused.
In a PUT or PATCH, a field that is left out stays as it is, and null makes it its default again.

**Errors** all have one form, \`{"error": {"type", "code", "message", "doc_url", "details"}}\`. Branch on \`code\`. \`doc_url\` is
a page that says what to do ([all error pages](/docs/errors)). If a field or a parameter has a wrong value, \`details.problems\` says for each what is wrong and what would be right. A path that does not exist is \`not_found\` (404); a method that a path does not accept is \`method_not_allowed\` (405).
`.trim();

export type OpenApiDocument = ReturnType<typeof createDocument>;

/** The OpenAPI document of this API. @param version the deployment's version, from package.json */
export function openApiDocument(version = "0.0.0"): OpenApiDocument {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const { tag, operations } of references) {
    for (const [route, operation] of Object.entries(operations)) {
      const [method = "", path = ""] = route.split(" ");
      paths[path] = { ...paths[path], [method.toLowerCase()]: describe(operation, method, path, tag.name) };
    }
  }
  return createDocument(
    {
      openapi: "3.1.1",
      info: {
        title: "Nixflex Numbers",
        version,
        description: INTRODUCTION,
        license: { name: "MIT", identifier: "MIT" },
      },
      servers: [{ url: "/", description: "This deployment" }],
      tags: references.map(({ tag }) => tag),
      paths,
      components: {
        schemas: { Error: errorEnvelope },
        securitySchemes: {
          apiKey: {
            type: "http",
            scheme: "bearer",
            description: "`KEY_ID:KEY_SECRET`, both halves of an API key.",
          },
          connectLink: {
            type: "http",
            scheme: "bearer",
            description: "The token of a connect link: what stands behind the `#` of its URL.",
          },
          adminToken: { type: "http", scheme: "bearer", description: "The deployment's admin token." },
        },
        headers: {
          RequestId: {
            description: "The id of the request. Every log line about the request has it.",
            schema: { type: "string", pattern: "^req_[0-9a-f]{16}$" },
          },
          RetryAfter: {
            description: "After how many seconds to try again, if that is known.",
            schema: { type: "string", pattern: "^[0-9]+$" },
          },
          IdempotentKept: {
            description:
              "`false` if this answer is not kept, because it is too large or the API key has kept as many answers as it may today, 32 MB at most: " +
              "sent again with the same `Idempotency-Key`, the request would run again.",
            schema: { type: "string", enum: ["false"] },
          },
          IdempotentReplayed: {
            description:
              "`true` if this is the answer to an earlier request with the same `Idempotency-Key`.",
            schema: { type: "string", enum: ["true"] },
          },
        },
        examples: errorExamples(),
      },
    },
    {
      override: ({ jsonSchema, io }) => {
        // Zod limits every integer to JavaScript's safe integers. Readers do not need that.
        if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
        if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
        // An answer may get new fields without notice, so the document does not forbid them.
        if (io === "output" && jsonSchema.additionalProperties === false)
          delete jsonSchema.additionalProperties;
      },
    },
  );
}

function describe(
  operation: Operation,
  method: string,
  path: string,
  tag: string,
): ZodOpenApiOperationObject {
  const { id, summary, description, auth = "apiKey", query, body, answers, errors = [] } = operation;
  const parameter = pathParameter(path);
  const isKept = isIdempotent(operation, method);
  const requestParams = {
    ...(parameter && { path: parameter.schema }),
    ...(query && { query }),
    ...(isKept && { header: idempotencyHeader }),
  };
  return {
    operationId: id,
    summary,
    description,
    tags: [tag],
    security: auth === "none" ? [] : [{ [auth]: [] }],
    ...(Object.keys(requestParams).length > 0 && { requestParams }),
    ...(body && {
      requestBody: {
        required: body.isOptional !== true,
        content: { "application/json": { schema: body.schema, example: body.example } },
      },
    }),
    responses: {
      ...Object.fromEntries(
        answers.map(({ status, description, schema, example, mediaType = "application/json" }) => [
          status,
          {
            description,
            headers: headersOf(status, isKept),
            content: { [mediaType]: { schema: body ? withWarnings(schema) : schema, example } },
          },
        ]),
      ),
      ...errorResponses(
        [...commonErrors(operation, method, isKept), ...(parameter?.errors ?? []), ...errors],
        isKept,
      ),
    },
  };
}

/** No path has more than one. */
function pathParameter(path: string) {
  const [, name] = /\{(\w+)\}/.exec(path) ?? [];
  if (name === undefined) return undefined;
  const field = PATH_PARAMETERS[name];
  if (field === undefined) throw new Error(`no parameter of a path is named ${name}`);
  const { errors, ...description } = field;
  return { schema: described(z.object({ [name]: z.string() }), { [name]: description }), errors };
}

/** Whether the operation uses an `Idempotency-Key`; see api-keys/with-api-key.ts. */
function isIdempotent({ auth = "apiKey", isUnkept }: Operation, method: string): boolean {
  return auth === "apiKey" && method !== "GET" && isUnkept !== true;
}

const idempotencyHeader = z.object({
  [IDEMPOTENCY_HEADER]: answered(
    z.optional(z.string().check(z.regex(IDEMPOTENCY_KEY))),
    // Without an example: the reference would send it with the first request that somebody tries, and with every other.
    "Your own text, such as a UUID. For a day you can send this request again with it, and it runs only once.",
  ),
});

/** The errors of all operations of this kind. */
function commonErrors(
  { auth = "apiKey", query, body }: Operation,
  method: string,
  isKept: boolean,
): ErrorCode[] {
  return [
    ...(auth === "apiKey"
      ? (["invalid_api_key", "key_secret_required", "secret_is_limited", "rate_limit_exceeded"] as const)
      : []),
    ...(auth === "apiKey" && method !== "GET" ? (["read_only_secret"] as const) : []),
    ...(auth === "adminToken" ? (["invalid_admin_token"] as const) : []),
    ...(auth === "connectLink"
      ? (["connect_links_disabled", "invalid_connect_link", "rate_limit_exceeded"] as const)
      : []),
    // Under /v1 there is nothing without a key or the token.
    ...(auth === "none" ? [] : (["unknown_parameter"] as const)),
    ...(query && auth !== "none" ? (["invalid_parameter"] as const) : []),
    ...(body
      ? (["unsupported_media_type", "payload_too_large", "invalid_json", "invalid_field"] as const)
      : []),
    // An Idempotency-Key belongs to one body, so the body is always read.
    ...(isKept
      ? ([
          "payload_too_large",
          "invalid_idempotency_key",
          "idempotency_key_reused",
          "idempotency_in_progress",
        ] as const)
      : []),
    "storage_unavailable",
    "https_required",
    "service_misconfigured",
    "internal_error",
  ];
}
