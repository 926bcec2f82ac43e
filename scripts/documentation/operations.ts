import type { OpenApiDocument } from "../../src/documentation/openapi.ts";
import type { ErrorCode } from "../../src/http/errors.ts";

/** A JSON schema, as far as pages and texts look into one. */
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

type Content = {
  "application/json": { schema: Schema; example?: unknown; examples?: Record<string, unknown> };
};

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

/** An operation of the document, flat. */
export type DocumentedOperation = {
  id: string;
  method: string;
  path: string;
  tag: string;
  summary: string;
  description: string;
  security: string | undefined;
  parameters: Parameter[];
  requestSchema: Schema | undefined;
  requestExample: unknown;
  status: string;
  answerSchema: Schema;
  answerExample: unknown;
  /** Every code it can answer with, by status. */
  errors: ErrorCode[];
  /** Where the reference shows it: what follows `/docs#`. */
  anchor: string;
};

/** The operations of a document in its order. */
export function operationsOf(document: OpenApiDocument): DocumentedOperation[] {
  const paths = (document.paths ?? {}) as Record<string, Record<string, RawOperation>>;
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => flat(method.toUpperCase(), path, operation)),
  );
}

function flat(method: string, path: string, operation: RawOperation): DocumentedOperation {
  const { operationId: id, tags, summary, description, security, parameters, requestBody } = operation;
  const responses = Object.entries(operation.responses).map(([status, { content }]) => ({
    status,
    ...content["application/json"],
  }));
  const success = responses.find(({ status }) => status.startsWith("2"));
  if (!success) throw new Error(`${id} never succeeds`);
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
    requestSchema: requestBody?.content["application/json"].schema,
    requestExample: requestBody?.content["application/json"].example,
    status: success.status,
    answerSchema: success.schema,
    answerExample: success.example,
    errors: responses.flatMap(({ examples }) => Object.keys(examples ?? {})) as ErrorCode[],
    anchor: `tag/${tag.toLowerCase().replaceAll(" ", "-")}/${method}${path}`,
  };
}

/** A schema with its reference followed. */
export function resolve(document: OpenApiDocument, schema: Schema): Schema {
  const name = schema.$ref?.replace("#/components/schemas/", "");
  return name === undefined ? schema : ((document.components?.schemas?.[name] ?? {}) as Schema);
}
