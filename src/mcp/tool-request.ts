import { ApiError } from "../http/errors.ts";
import { faultError } from "../http/faults.ts";
import { IDEMPOTENCY_KEY } from "../http/idempotency.ts";
import { unknownParameters } from "../http/query.ts";
import type { CataloguedTool } from "./catalogue.ts";

export type ApiRequest = {
  method: string;
  path: string;
  body?: string | undefined;
  idempotencyKey?: string | undefined;
};

export type ToolRequest = {
  /** What the tool call stands for; the dry run of it, if it is only planned and the endpoint has one. */
  act: ApiRequest;
  /** How it is planned; undefined: it is done. `check`: the endpoint has no dry run, so it must not get so far as to act. */
  plan: "dry_run" | "check" | undefined;
  /** Tells whether there is what would be changed. */
  lookup: ApiRequest | undefined;
};

/**
 * Turns the arguments of a tool into a request. The endpoint validates the values. A tool that changes something plans
 * if `apply` is not true.
 *
 * @throws ApiError `unknown_parameter`, `invalid_parameter`, `missing_field`, `invalid_field`, `invalid_idempotency_key`
 */
export function toolRequest(entry: CataloguedTool, given: Record<string, unknown>): ToolRequest {
  const { properties, required = [] } = entry.tool.inputSchema;
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(properties, name));
  if (unknown.length > 0) throw unknownParameters(unknown, Object.keys(properties));
  const { apply = false, idempotency_key: key, ...args } = given;
  if (typeof apply !== "boolean") {
    const message = "apply must be true or false. Nothing was changed.";
    throw new ApiError("invalid_parameter", { message, details: { parameters: ["apply"] } });
  }
  const missing = required.filter((name) => isAbsent(given[name]));
  if (missing.length > 0) throw faultOf("missing_field", missing);

  const idempotencyKey = isAbsent(key) ? undefined : key;
  if (
    idempotencyKey !== undefined &&
    !(typeof idempotencyKey === "string" && IDEMPOTENCY_KEY.test(idempotencyKey))
  )
    throw new ApiError("invalid_idempotency_key");

  const isPlan = "apply" in properties && !apply;
  const plan = isPlan ? (entry.hasDryRun ? "dry_run" : "check") : undefined;
  const inPath = new Set<string>();
  const filled = (template: string) =>
    template.replace(/\{(\w+)\}/g, (_, name: string) => {
      inPath.add(name);
      return segment(name, args[name]);
    });
  const path = filled(entry.path);
  const query = new URLSearchParams(plan === "dry_run" ? { dry_run: "true" } : {});
  for (const name of entry.query) {
    const value = args[name];
    if (typeof value === "object" && value !== null) throw faultOf("invalid_field", [name]);
    if (!isAbsent(value)) query.set(name, String(value));
  }
  const fields = Object.entries(args).filter(([name]) => !inPath.has(name) && !entry.query.includes(name));
  const act = {
    method: entry.method,
    path: query.size > 0 ? `${path}?${query}` : path,
    body: entry.hasBody ? JSON.stringify(Object.fromEntries(fields)) : undefined,
    // A plan is another request than what is done.
    idempotencyKey: plan ? undefined : idempotencyKey,
  };
  const lookup = entry.lookup === undefined ? undefined : { method: "GET", path: filled(entry.lookup) };
  return { act, plan, lookup };
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === "string" && value.trim() === "");
}

/** A URL resolves `.` and `..`, encoded or not: the request would reach another endpoint. */
function segment(name: string, value: unknown): string {
  if (typeof value !== "string" || value === "." || value === "..") throw faultOf("invalid_field", [name]);
  return encodeURIComponent(value.toWellFormed());
}

const faultOf = (code: "missing_field" | "invalid_field", fields: string[]): ApiError =>
  faultError(fields.map((field) => ({ field, code })));
