import type { OpenApiDocument } from "../../reference/openapi.ts";
import type { ErrorCode } from "../../src/http/errors.ts";

/** The parts of a JSON schema that the pages and texts use. */
export type Schema = {
  $ref?: string;
  type?: string | string[];
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  pattern?: string;
  format?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  items?: Schema;
};

export type Parameter = {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema: Schema;
};

type Part = { schema: Schema; example?: unknown; examples?: Record<string, unknown> };
type Content = { "application/json": Part } & { "text/csv"?: Part };

type RawOperation = {
  operationId: string;
  summary: string;
  description: string;
  tags: [string];
  security: Record<string, []>[];
  parameters?: Parameter[];
  requestBody?: { content: Content };
  responses: Record<string, { description: string; content: Content }>;
};

type DocumentedAnswer = { status: string; description: string; schema: Schema; example: unknown };

/** An operation of the OpenAPI document, as one flat object. */
export type DocumentedOperation = {
  id: string;
  method: string;
  path: string;
  tag: string;
  summary: string;
  description: string;
  security: string | undefined;
  parameters: Parameter[];
  /** Whether it takes an `Idempotency-Key`. */
  takesKey: boolean;
  requestSchema: Schema | undefined;
  requestExample: unknown;
  /** The answers of a success, the usual one first. */
  answers: [DocumentedAnswer, ...DocumentedAnswer[]];
  /** Every error code that it can answer with, by status. */
  errors: ErrorCode[];
  /** The place in the reference: what follows `/docs#`. */
  anchor: string;
};

/** The operations, in the document's order. */
export function operationsOf(document: OpenApiDocument): DocumentedOperation[] {
  const paths = (document.paths ?? {}) as Record<string, Record<string, RawOperation>>;
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => flat(method.toUpperCase(), path, operation)),
  );
}

function flat(method: string, path: string, operation: RawOperation): DocumentedOperation {
  const { operationId: id, tags, summary, description, security, parameters, requestBody } = operation;
  const responses = Object.entries(operation.responses).map(([status, { description, content }]) => ({
    status,
    description,
    // Each answer has one form; it is JSON, except a recording.
    ...(Object.values(content)[0] as Content["application/json"]),
  }));
  const [usual, ...others] = responses
    .filter(({ status }) => status.startsWith("2"))
    .map(({ status, description, schema, example }) => ({ status, description, schema, example }))
    // 201 before 200: if a request can create something, that is its usual answer.
    .sort((a, b) => Number(b.status === "201") - Number(a.status === "201"));
  if (!usual) throw new Error(`${id} never succeeds`);
  const tag = tags[0];
  return {
    id,
    method,
    path,
    tag,
    summary,
    description,
    security: Object.keys(security[0] ?? {})[0],
    parameters: parameters ?? [],
    takesKey: parameters?.some(({ name }) => name === "Idempotency-Key") ?? false,
    requestSchema: requestBody?.content["application/json"].schema,
    requestExample: requestBody?.content["application/json"].example,
    answers: [usual, ...others],
    errors: responses.flatMap(({ examples }) => Object.keys(examples ?? {})) as ErrorCode[],
    anchor: `tag/${tag.toLowerCase().replaceAll(" ", "-")}/${method}${path}`,
  };
}

/** Follows the reference of a schema, if it has one. */
export function resolve(document: OpenApiDocument, schema: Schema): Schema {
  const name = schema.$ref?.replace("#/components/schemas/", "");
  return name === undefined ? schema : ((document.components?.schemas?.[name] ?? {}) as Schema);
}
