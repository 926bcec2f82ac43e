import * as z from "zod/mini";
import { createDocument, type ZodOpenApiOperationObject } from "zod-openapi";
import { agentReference } from "../agents/openapi.ts";
import { apiKeyReference } from "../api-keys/openapi.ts";
import { webhookReference } from "../events/openapi.ts";
import { healthReference } from "../health.openapi.ts";
import { type ErrorCode, errorCatalogue, errorType } from "../http/errors.ts";
import { answered, type Operation, type Reference } from "../http/operation.ts";
import { phoneNumberReference } from "../phone-numbers/openapi.ts";
import { errorHelp } from "./error-help.ts";

/** The features in the order the reference shows them. */
const references: readonly Reference[] = [
  phoneNumberReference,
  agentReference,
  webhookReference,
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

const codes = Object.keys(errorCatalogue) as [ErrorCode, ...ErrorCode[]];
const types = [...new Set(codes.map((code) => errorType(errorCatalogue[code].status)))].sort();

const errorEnvelope = z
  .object({
    error: z.object({
      type: answered(z.enum(types), "Groups codes by HTTP status."),
      code: answered(z.enum(codes), "What went wrong. Branch on this.").check(z.meta({ id: "ErrorCode" })),
      message: answered(
        z.string(),
        "What is wrong and what to do, for people. It may be reworded at any time.",
      ),
      doc_url: answered(z.url(), "The page of this code."),
      details: answered(z.record(z.string(), z.unknown()), "Facts to act on, such as the names of fields."),
    }),
  })
  .check(z.meta({ id: "Error", description: "What every failure is answered with." }));

const INTRODUCTION = `
Bring your own Twilio number to your AI agent: one call imports it, and every call and text to it reaches this service.

**Authentication.** \`Authorization: Bearer KEY_ID:KEY_SECRET\`. A key sees only what is its own.

**Requests and answers** are JSON in UTF-8, bodies up to 64 KiB. Every response carries \`x-request-id\`; give it to support.

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
      paths[path] = { ...paths[path], [method.toLowerCase()]: describe(operation, tag.name) };
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
        },
        examples: Object.fromEntries(codes.map((code) => [code, { summary: code, value: exampleOf(code) }])),
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

function describe(operation: Operation, tag: string): ZodOpenApiOperationObject {
  const { id, summary, description, auth, path, query, body, answers } = operation;
  return {
    operationId: id,
    summary,
    description,
    tags: [tag],
    security: auth === "none" ? [] : [{ [auth]: [] }],
    ...((path || query) && { requestParams: { ...(path && { path }), ...(query && { query }) } }),
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
            headers: { "x-request-id": { $ref: "#/components/headers/RequestId" } },
            content: { "application/json": { schema, example } },
          },
        ]),
      ),
      ...errorResponses([...commonErrors(operation), ...operation.errors]),
    },
  };
}

/** What an operation can answer because of its kind, whatever it does. */
function commonErrors({ auth, body }: Operation): ErrorCode[] {
  return [
    ...(auth === "apiKey" ? (["invalid_api_key", "key_secret_required"] as const) : []),
    ...(auth === "adminToken" ? (["invalid_admin_token"] as const) : []),
    ...(body
      ? (["unsupported_media_type", "payload_too_large", "invalid_json", "invalid_field"] as const)
      : []),
    "storage_unavailable",
    "service_misconfigured",
    "internal_error",
  ];
}

function errorResponses(possible: readonly ErrorCode[]) {
  const byStatus = Object.groupBy(new Set(possible), (code) => errorCatalogue[code].status);
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, group]) => [status, errorResponse(Number(status), group ?? [])]),
  );
}

function errorResponse(status: number, group: readonly ErrorCode[]) {
  return {
    description: group.map((code) => `\`${code}\``).join(", "),
    headers: {
      "x-request-id": { $ref: "#/components/headers/RequestId" },
      ...((status === 429 || status === 503 || status === 409) && {
        "retry-after": { $ref: "#/components/headers/RetryAfter" },
      }),
    },
    content: {
      "application/json": {
        schema: {
          allOf: [
            { $ref: "#/components/schemas/Error" },
            {
              type: "object" as const,
              required: ["error"],
              properties: {
                error: {
                  type: "object" as const,
                  required: ["code"],
                  properties: { code: { enum: [...group] } },
                },
              },
            },
          ],
        },
        examples: Object.fromEntries(group.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
      },
    },
  };
}

function exampleOf(code: ErrorCode) {
  const { status, message } = errorCatalogue[code];
  const doc_url = `https://numbers.example.com/docs/errors/${code}`;
  return {
    error: { type: errorType(status), code, message, doc_url, details: errorHelp[code].details ?? {} },
  };
}
