import type { components } from "./generated/openapi.ts";

/** Every code the API answers with. https://numbers.example.com/docs/errors lists them on a deployment of its own. */
export type ErrorCode = components["schemas"]["ErrorCode"];

type Envelope = components["schemas"]["Error"]["error"];

/** An answer of the API that is a failure. Branch on `code`. */
export class NixflexError extends Error {
  override readonly name = "NixflexError";
  /** `unreadable_answer`: something on the way, such as a proxy, answered in the API's place. */
  readonly code: ErrorCode | "unreadable_answer";
  readonly status: number;
  readonly details: Record<string, unknown>;
  /** The page that says what to do. */
  readonly docUrl: string | undefined;
  /** What support will ask for. */
  readonly requestId: string | undefined;
  /** After how many seconds to try again, where the API says so. */
  readonly retryAfterSeconds: number | undefined;

  constructor(response: Response, envelope: Envelope | undefined) {
    super(envelope?.message ?? `The answer, with status ${response.status}, is not one of the API's.`);
    this.code = envelope?.code ?? "unreadable_answer";
    this.status = response.status;
    this.details = envelope?.details ?? {};
    this.docUrl = envelope?.doc_url;
    this.requestId = response.headers.get("x-request-id") ?? undefined;
    const retryAfter = Number(response.headers.get("retry-after") ?? Number.NaN);
    this.retryAfterSeconds = Number.isFinite(retryAfter) ? retryAfter : undefined;
  }
}
