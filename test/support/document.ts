import { type Schema as JsonSchema, Validator } from "@cfworker/json-schema";
import { expect } from "vitest";
import { openApiDocument } from "../../reference/openapi.ts";

/** The parts of a JSON schema that the tests use. */
export type Schema = {
  $ref?: string;
  type?: string | string[];
  properties?: Record<string, Schema>;
  required?: string[];
  enum?: unknown[];
  const?: unknown;
  pattern?: string;
  format?: string;
  minimum?: number;
  maximum?: number;
  maxLength?: number;
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
};

type Content = {
  "application/json": { schema: Schema; example?: unknown; examples?: Record<string, { $ref: string }> };
  "text/csv"?: { schema: Schema };
};

export type Operation = {
  operationId: string;
  method: string;
  /** As in `/v1/agents/{agent_id}`. */
  path: string;
  security: Record<string, string[]>[];
  parameters?: { name: string; in: "path" | "query" | "header"; required?: boolean; schema: Schema }[];
  requestBody?: { content: Content };
  responses: Record<string, { content: Content }>;
};

export const document = openApiDocument();

export const operations: readonly Operation[] = Object.entries(document.paths ?? {}).flatMap(
  ([path, methods]) =>
    Object.entries(methods as Record<string, Omit<Operation, "method" | "path">>).map(
      ([method, operation]) => ({
        ...operation,
        method: method.toUpperCase(),
        path,
      }),
    ),
);

// The published document allows more fields later. In a test, a field that is not documented is a fault.
const components = structuredClone(document.components) as { schemas: Record<string, Schema> };
for (const schema of Object.values(components.schemas)) close(schema);

const validators = new Map<string, Validator>();

/** Where a value differs from the schema; empty if it does not. */
export function faultsOf(value: unknown, schema: Schema): string[] {
  const key = JSON.stringify(schema);
  let validator = validators.get(key);
  if (!validator) {
    const closed = close(structuredClone(schema));
    validator = new Validator({ ...closed, components } as JsonSchema, "2020-12", false);
    validators.set(key, validator);
  }
  return validator
    .validate(value)
    .errors.map(({ instanceLocation, error }) => `${instanceLocation}: ${error}`);
}

/** Forbids fields that an object's `properties` do not name. A schema that narrows another one stays open. */
function close(schema: Schema & { additionalProperties?: unknown; allOf?: unknown }): Schema {
  if (schema.properties && schema.additionalProperties === undefined) schema.additionalProperties = false;
  for (const property of Object.values(schema.properties ?? {})) close(property);
  for (const part of [schema.items, ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])]) if (part) close(part);
  return schema;
}

const byPath = operations
  .map((operation) => [operation, patternOf(operation.path)] as const)
  .sort(([a], [b]) => a.path.split("{").length - b.path.split("{").length);

const ERROR: Schema = { $ref: "#/components/schemas/Error" };

/**
 * Fails the running test if a response differs from the document: the operation does not list its status, or its code
 * for this status, or the body has another form.
 */
export async function expectDocumented({ method, url }: Request, response: Response): Promise<void> {
  const { pathname } = new URL(url);
  // A path without parameters comes before a path that matches it by parameters.
  const operation = byPath.find(
    ([candidate, pattern]) => candidate.method === method && pattern.test(pathname),
  )?.[0];
  if (operation) {
    const documented = operation.responses[response.status];
    expect(Object.keys(operation.responses), `${operation.operationId} lists its statuses`).toContain(
      String(response.status),
    );
    const schema = (documented?.content as Partial<Content> | undefined)?.["application/json"]?.schema;
    if (!schema) {
      expect(Object.keys(documented?.content ?? {})).toContain(response.headers.get("content-type"));
      return;
    }
    const body = await response.clone().json<Record<string, unknown>>();
    if (isOfNames(operation.operationId, body)) return;
    expect(
      faultsOf(body, schema),
      `${operation.operationId} ${response.status} ${JSON.stringify(body)}`,
    ).toEqual([]);
  } else if (response.status >= 400 && method !== "HEAD") {
    const body = await response.clone().json<object>();
    // A fault of JSON-RPC has the form that JSON-RPC gives it.
    if (pathname === "/mcp" && "jsonrpc" in body) return;
    expect(faultsOf(body, ERROR), `${method} ${pathname}`).toEqual([]);
  }
}

/** What a secret that is limited to an external id sees of agents, as the description says. */
function isOfNames(operationId: string, body: Record<string, unknown>): boolean {
  if (!["listAgents", "getAgent"].includes(operationId) || "error" in body) return false;
  const agents = (body.agents ?? [body]) as object[];
  return agents.length > 0 && agents.every((agent) => String(Object.keys(agent)) === "agent_id,name");
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replace(/\{\w+\}/g, "[^/]+")}$`);
}
