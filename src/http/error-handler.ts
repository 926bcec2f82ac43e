import { HTTPException } from "hono/http-exception";
import { ConfigError } from "../config.ts";
import { StorageError } from "../database.ts";
import { VaultError } from "../vault/vault.ts";
import { type AppContext, setCommonHeaders } from "./context.ts";

import { ApiError, errorType } from "./errors.ts";
import { errorFields } from "./log.ts";

/** What the operator looks for; the others are Twilio's. */
const OURS: readonly string[] = ["internal_error", "service_misconfigured", "storage_unavailable"];

/** The only error mapper: it turns any thrown error into the error envelope, and writes the cause to the log. */
export function handleError(thrown: Error, c: AppContext): Response {
  const error = toApiError(thrown);
  if (error.status >= 500) {
    const level = OURS.includes(error.code) ? "error" : "warn";
    c.get("log")[level]("request_failed", { error_code: error.code, ...errorFields(error.cause ?? thrown) });
  }
  return errorResponse(c, error);
}

/** The error that a caller sees for anything that was thrown. */
export function toApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  if (thrown instanceof StorageError)
    return new ApiError("storage_unavailable", { cause: thrown, retryAfter: 2 });
  if (thrown instanceof ConfigError || thrown instanceof VaultError) {
    return new ApiError("service_misconfigured", { cause: thrown });
  }
  // Hono throws this only for a body that it cannot parse.
  if (thrown instanceof HTTPException && thrown.status === 400) return new ApiError("invalid_json");
  return new ApiError("internal_error", { cause: thrown });
}

/** What an error envelope holds. */
export type ErrorBody = ReturnType<typeof errorBody>;

export function errorBody({ status, code, message, details }: ApiError, baseUrl: string) {
  return { type: errorType(status), code, message, doc_url: `${baseUrl}/docs/errors/${code}`, details };
}

/** The response for an error: the envelope and its headers. */
export function errorResponse(c: AppContext, error: ApiError): Response {
  c.set("errorCode", error.code);
  // If the configuration is invalid, there is no public URL to point to, so the link uses the request's own host.
  const baseUrl = c.get("config")?.publicBaseUrl ?? new URL(c.req.url).origin;
  const response = c.json({ error: errorBody(error, baseUrl) }, error.status, error.headers);
  setCommonHeaders(c, response.headers);
  // RFC 9110, 15.5.2: a 401 names the scheme that would be accepted.
  if (error.status === 401) response.headers.set("www-authenticate", 'Bearer realm="nixflex"');
  return response;
}
