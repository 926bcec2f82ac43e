import * as z from "zod/mini";
import { type ErrorCode, errorCatalogue, errorType } from "../src/http/errors.ts";
import { errorHelp } from "./error-help.ts";
import { answered, resource } from "./operation.ts";

// How the OpenAPI document describes errors.

const codes = Object.keys(errorCatalogue) as [ErrorCode, ...ErrorCode[]];
const types = [...new Set(codes.map((code) => errorType(errorCatalogue[code].status)))].sort();

export const errorEnvelope = resource("Error", "The answer to every request that fails.", {
  error: z.object({
    type: answered(z.enum(types), "Groups codes by HTTP status."),
    code: answered(z.enum(codes), "What went wrong. Branch on this.").check(z.meta({ id: "ErrorCode" })),
    message: answered(
      z.string(),
      "What is wrong and what to do, for people. The words may change at any time.",
    ),
    doc_url: answered(z.url(), "The page about this code."),
    details: answered(z.record(z.string(), z.unknown()), "Facts to act on, such as the names of fields."),
  }),
});

/** The headers of a response. */
export function headersOf(status: number, isKept: boolean) {
  const canBeKept = isKept && status !== 429 && status < 500;
  return {
    "x-request-id": { $ref: "#/components/headers/RequestId" },
    ...(canBeKept && {
      "idempotent-replayed": { $ref: "#/components/headers/IdempotentReplayed" },
      "idempotent-kept": { $ref: "#/components/headers/IdempotentKept" },
    }),
    ...((status === 429 || status === 503 || status === 409) && {
      "retry-after": { $ref: "#/components/headers/RetryAfter" },
    }),
  };
}

/** A code; one that an operation answers with another status than usual names that. */
export type DocumentedError = ErrorCode | "limit_reached/403";

/** The error responses of an operation that has these codes, by status. */
export function errorResponses(possible: readonly DocumentedError[], isKept: boolean) {
  const pairs = [...new Set(possible)].map((name) => {
    const [code, status] = name.split("/") as [ErrorCode, string?];
    return { code, status: Number(status ?? errorCatalogue[code].status) };
  });
  const byStatus = Object.groupBy(pairs, ({ status }) => status);
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, group]) => [
      status,
      errorResponse(
        Number(status),
        (group ?? []).map(({ code }) => code),
        isKept,
      ),
    ]),
  );
}

function errorResponse(status: number, group: readonly ErrorCode[], isKept: boolean) {
  return {
    description: group.map((code) => `\`${code}\``).join(", "),
    headers: headersOf(status, isKept),
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

/** An example of each error, by its code. */
export function errorExamples() {
  return Object.fromEntries(codes.map((code) => [code, { summary: code, value: exampleOf(code) }]));
}

function exampleOf(code: ErrorCode) {
  const { status, message } = errorCatalogue[code];
  const doc_url = `https://numbers.example.com/docs/errors/${code}`;
  return {
    error: { type: errorType(status), code, message, doc_url, details: errorHelp[code].details ?? {} },
  };
}
