import type { components } from "./generated/openapi.ts";

/** Every error code of the API. Your deployment lists them at `/docs/errors`. */
export type ErrorCode = components["schemas"]["ErrorCode"];

type Envelope = components["schemas"]["Error"]["error"];

/** An error that the API answered with. Branch on `code`. */
export class NixflexError extends Error {
  override readonly name = "NixflexError";
  /** `unreadable_answer`: something in between, such as a proxy, answered instead of the API. */
  readonly code: ErrorCode | "unreadable_answer";
  readonly status: number;
  readonly details: Record<string, unknown>;
  /** The page that says what to do. */
  readonly docUrl: string | undefined;
  /** The id of the request. Support asks for it. */
  readonly requestId: string | undefined;
  /** After how many seconds to try again, if the API says so. */
  readonly retryAfterSeconds: number | undefined;

  constructor(response: Response, envelope: Envelope | undefined) {
    super(envelope?.message ?? `The answer with status ${response.status} does not come from the API.`);
    this.code = envelope?.code ?? "unreadable_answer";
    this.status = response.status;
    this.details = envelope?.details ?? {};
    this.docUrl = envelope?.doc_url;
    this.requestId = response.headers.get("x-request-id") ?? undefined;
    const retryAfter = Number(response.headers.get("retry-after") ?? Number.NaN);
    this.retryAfterSeconds = Number.isFinite(retryAfter) ? retryAfter : undefined;
  }
}
