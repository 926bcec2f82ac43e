import { ApiError } from "../http/errors.ts";
import type { CataloguedTool } from "./catalogue.ts";

/** The request to the API that a tool call stands for; undefined if it would change something and has no dry run. */
export type ToolRequest = { method: string; path: string; body: string | undefined } | undefined;

const MAX_NAMED = 10;
const MAX_NAME_LENGTH = 64;

/**
 * Turns the arguments of a tool into a request. The endpoint validates the values. A tool that changes something plans
 * if `apply` is not true.
 *
 * @throws ApiError `unknown_parameter`, `invalid_parameter`, `missing_field`, `invalid_field`
 */
export function toolRequest(entry: CataloguedTool, given: Record<string, unknown>): ToolRequest {
  const { properties, required = [] } = entry.tool.inputSchema;
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(properties, name));
  if (unknown.length > 0) throw unknownArguments(unknown, Object.keys(properties));
  const { apply = false, ...args } = given;
  if (typeof apply !== "boolean") {
    const message = "apply must be true or false. Nothing was changed.";
    throw new ApiError("invalid_parameter", { message, details: { parameters: ["apply"] } });
  }
  const missing = required.filter((name) => isAbsent(args[name]));
  if (missing.length > 0) throw faultOf("missing_field", missing);

  const isPlan = "apply" in properties && !apply;
  if (isPlan && !entry.hasDryRun) return undefined;
  const inPath = new Set<string>();
  const path = entry.path.replace(/\{(\w+)\}/g, (_, name: string) => {
    inPath.add(name);
    return segment(name, args[name]);
  });
  const query = new URLSearchParams(isPlan ? { dry_run: "true" } : {});
  for (const name of entry.query) {
    const value = args[name];
    if (typeof value === "object" && value !== null) throw faultOf("invalid_field", [name]);
    if (!isAbsent(value)) query.set(name, String(value));
  }
  const fields = Object.entries(args).filter(([name]) => !inPath.has(name) && !entry.query.includes(name));
  return {
    method: entry.method,
    path: query.size > 0 ? `${path}?${query}` : path,
    body: entry.hasBody ? JSON.stringify(Object.fromEntries(fields)) : undefined,
  };
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === "string" && value.trim() === "");
}

/** A URL resolves `.` and `..`, encoded or not: the request would reach another endpoint. */
function segment(name: string, value: unknown): string {
  if (typeof value !== "string" || value === "." || value === "..") throw faultOf("invalid_field", [name]);
  return encodeURIComponent(value.toWellFormed());
}

function faultOf(code: "missing_field" | "invalid_field", fields: string[]): ApiError {
  const error = new ApiError(code);
  return error.explained(`${error.message} Fields: ${fields.join(", ")}.`, { fields });
}

function unknownArguments(names: string[], known: string[]): ApiError {
  const parameters = names.slice(0, MAX_NAMED).map((name) => name.slice(0, MAX_NAME_LENGTH));
  const takes = known.length === 0 ? "It has no arguments." : `Its arguments are ${known.join(", ")}.`;
  const message = `This tool has no such argument. Nothing was changed. ${takes}`;
  return new ApiError("unknown_parameter", { message, details: { parameters } });
}
