import * as z from "zod/mini";
import { createDocument, type ZodOpenApiOperationObject } from "zod-openapi";
import { agentReference } from "../agents/openapi.ts";
import { apiKeyReference } from "../api-keys/openapi.ts";
import { webhookReference } from "../events/openapi.ts";
import { healthReference } from "../health.openapi.ts";
import type { ErrorCode } from "../http/errors.ts";
import { IDEMPOTENCY_HEADER, IDEMPOTENCY_KEY } from "../http/idempotency.ts";
import { answered, type Operation, type Reference } from "../http/operation.ts";
import { phoneNumberReference } from "../phone-numbers/openapi.ts";
import { reconciliationReference } from "../reconciliation/openapi.ts";
import { errorEnvelope, errorExamples, errorResponses, headersOf } from "./errors.openapi.ts";

/** The features in the order the reference shows them. */
const references: readonly Reference[] = [
  phoneNumberReference,
  agentReference,
  webhookReference,
  reconciliationReference,
  apiKeyReference,
  healthReference,
];

/** Codes that no operation of the document answers with: unknown paths and methods, and what only Twilio is told. */
export const CODES_OUTSIDE_OPERATIONS: readonly ErrorCode[] = [
  "not_found",
  "method_not_allowed",
  "invalid_signature",
  "account_mismatch",
];

const INTRODUCTION = `
Bring your own Twilio number to your AI agent: one call imports it, and every call and text to it reaches this service.

**Authentication.** \`Authorization: Bearer KEY_ID:KEY_SECRET\`. A key sees only what is its own.

**Requests and answers** are JSON in UTF-8, bodies up to 64 KiB. Every response carries \`x-request-id\`; give it to support.

**Retries.** Send an \`Idempotency-Key\` of your own with a request that changes something: sent again with the same
key, it is done once, and for a day the answer of the first comes again, byte by byte, with
\`Idempotent-Replayed: true\`. A 429, a 5xx and whatever says \`Retry-After\` is not kept, so the same key may be used again. Answers that hold
a secret are never kept; those endpoints ignore the header.

**Rate limits.** Per API key 600 reads and 120 writes a minute. Over it is \`rate_limit_exceeded\` (429) with \`Retry-After\`.

**Lists** take \`limit\` and \`offset\`, newest first, and say in \`count\` how many there are in all.

**Errors** have one form, \`{"error": {"type", "code", "message", "doc_url", "details"}}\`. Branch on \`code\`; \`doc_url\` leads to
a page that says what to do ([all of them](/docs/errors)). A path that does not exist is \`not_found\` (404), a method it does not take \`method_not_allowed\` (405).
`.trim();

export type OpenApiDocument = ReturnType<typeof createDocument>;

/** The OpenAPI document of this API. @param version of the deployment, as package.json has it */
export function openApiDocument(version = "0.0.0"): OpenApiDocument {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const { tag, operations } of references) {
    for (const [route, operation] of Object.entries(operations)) {
      const [method = "", path = ""] = route.split(" ");
      paths[path] = { ...paths[path], [method.toLowerCase()]: describe(operation, method, tag.name) };
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
          adminToken: { type: "http", scheme: "bearer", description: "The deployment's admin token." },
        },
        headers: {
          RequestId: {
            description: "The id of the request, in every log line about it.",
            schema: { type: "string", pattern: "^req_[0-9a-f]{16}$" },
          },
          RetryAfter: {
            description: "After how many seconds to try again, where that is known.",
            schema: { type: "string", pattern: "^[0-9]+$" },
          },
          IdempotentReplayed: {
            description:
              "`true` where this is the answer to an earlier request with the same `Idempotency-Key`.",
            schema: { type: "string", enum: ["true"] },
          },
        },
        examples: errorExamples(),
      },
    },
    {
      override: ({ jsonSchema, io }) => {
        // zod bounds every whole number by what JavaScript can count, which tells a reader nothing.
        if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
        if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
        // An answer may gain fields without notice, so the document does not forbid them.
        if (io === "output" && jsonSchema.additionalProperties === false)
          delete jsonSchema.additionalProperties;
      },
    },
  );
}

function describe(operation: Operation, method: string, tag: string): ZodOpenApiOperationObject {
  const { id, summary, description, auth, path, query, body, answers } = operation;
  const isKept = isIdempotent(operation, method);
  const requestParams = {
    ...(path && { path }),
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
        answers.map(({ status, description, schema, example }) => [
          status,
          {
            description,
            headers: headersOf(status, isKept),
            content: { "application/json": { schema, example } },
          },
        ]),
      ),
      ...errorResponses([...commonErrors(operation, isKept), ...operation.errors], isKept),
    },
  };
}

/** Whether it heeds an `Idempotency-Key`: see api-keys/as-owner.ts. */
function isIdempotent({ auth, isUnkept }: Operation, method: string): boolean {
  return auth === "apiKey" && method !== "GET" && isUnkept !== true;
}

const idempotencyHeader = z.object({
  [IDEMPOTENCY_HEADER]: answered(
    z.optional(z.string().check(z.regex(IDEMPOTENCY_KEY))),
    "A text of your own, such as a UUID, that makes sending this request again harmless for a day.",
    "6f1c2d9e-0b7a-4f35-9a55-2f8e8f0f7c11",
  ),
});

/** What an operation can answer because of its kind, whatever it does. */
function commonErrors({ auth, query, body }: Operation, isKept: boolean): ErrorCode[] {
  return [
    ...(auth === "apiKey"
      ? (["invalid_api_key", "key_secret_required", "rate_limit_exceeded"] as const)
      : []),
    ...(auth === "adminToken" ? (["invalid_admin_token"] as const) : []),
    // Under /v1 there is nothing without a key or the token.
    ...(auth === "none" ? [] : (["unknown_parameter"] as const)),
    ...(query && "dry_run" in query.shape ? (["invalid_parameter"] as const) : []),
    ...(body
      ? (["unsupported_media_type", "payload_too_large", "invalid_json", "invalid_field"] as const)
      : []),
    // The key counts for the body it came with, so any body is read.
    ...(isKept
      ? ([
          "payload_too_large",
          "invalid_idempotency_key",
          "idempotency_key_reused",
          "idempotency_in_progress",
        ] as const)
      : []),
    "storage_unavailable",
    "service_misconfigured",
    "internal_error",
  ];
}
