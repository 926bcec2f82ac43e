import type { Attempt, KnownAttempt } from "../call-log/attempt.ts";
import { ApiError } from "../http/errors.ts";
import { errorFields } from "../http/log.ts";
import { newId } from "../ids.ts";
import type { Services } from "../services.ts";
import { TwilioError } from "../twilio/errors.ts";
import type { Listing } from "../twilio/listing.ts";
import { diagnose } from "../twilio-accounts/diagnose.ts";
import { sha256 } from "../vault/hash.ts";
import type { Sender } from "./sender.ts";

// Sends a call or a text to Twilio at most once, whatever fails; docs/decisions/0024-sent-at-most-once.md.

/** Twilio's clock and ours may differ by this much, and Twilio's times are whole seconds. */
const SKEW_MS = 2_000;
/** To say that something was not sent, more is allowed for. */
const WIDE_SKEW_MS = 60_000;
/** Twilio carries out no request later than this. */
const SETTLED_MS = 2 * 60 * 1_000;

export type Sending = {
  attempt: Attempt;
  sender: Sender;
  connected: Awaited<ReturnType<Sender["connect"]>>;
  /** Sends it. @throws TwilioError */
  send: () => Promise<string>;
  /** Writes down its SID, once Twilio has told it. @throws StorageError */
  note: (sid: string) => Promise<unknown>;
  /** What Twilio lists that may be it. @throws TwilioError */
  list: () => Promise<Listing>;
};

/**
 * The id of an attempt. Requests with the same `Idempotency-Key` are the same attempt, even if an earlier one died: what
 * it has sent is not sent again. Nobody can guess it: an API key's id is 128 random bits.
 */
export async function attemptId(apiKeyId: string, idempotencyKey: string | undefined): Promise<string> {
  if (idempotencyKey === undefined) return newId("call");
  return `call_${(await sha256(`attempt/${apiKeyId}/${idempotencyKey}`)).slice(0, 32)}`;
}

/**
 * Sends what has been begun, and finds out what became of it.
 *
 * @returns Twilio's SID
 * @throws ApiError Twilio's refusals; with `details.outcome: "unknown"` if nobody can know yet
 */
export async function sendOnce(sending: Sending, services: Services): Promise<string> {
  const sentAt = services.now().getTime();
  try {
    const sid = await sending.send();
    // Nobody waits for it: if it is lost, Twilio's first report of the call tells it again.
    services.defer(
      sending.note(sid).catch((error: unknown) => services.log.warn("sid_not_noted", errorFields(error))),
    );
    return sid;
  } catch (error) {
    if (!(error instanceof TwilioError)) throw error;
    if (error.facts.failure === "unavailable") return findOut(sending, sentAt, services, error);
    await forget(sending, services);
    throw await refusal(error, sending, services);
  }
}

/** What became of an attempt that was begun before. Never sends it again. @throws ApiError */
export async function resume(sending: Sending, known: KnownAttempt, services: Services): Promise<string> {
  if (known.sid !== null) return known.sid;
  return findOut(sending, known.createdAt, services);
}

async function findOut(
  sending: Sending,
  since: number,
  services: Services,
  cause?: TwilioError,
): Promise<string> {
  const { attempt, sender } = sending;
  const listing = await sending.list().catch((error: unknown) => {
    if (error instanceof TwilioError) return null;
    throw error;
  });
  const from = since - WIDE_SKEW_MS;
  // A time that Twilio does not say may be any.
  const then =
    listing?.listed.filter(({ at }) => !(at < from || at > since + SETTLED_MS + WIDE_SKEW_MS)) ?? [];
  const sids = then.map(({ sid }) => sid);
  const others: string[] =
    sids.length > 0 ? await services.callLogs.knownOf(sender.apiKeyId, attempt.id, sids) : [];
  const possible = then.filter(({ sid }) => !others.includes(sid));
  const alike = possible.filter(({ at, isAlike }) => isAlike && at >= since - SKEW_MS);
  const state = attempt.kind === "call" ? "live" : "ended";
  // Of several, one is certainly somebody else's.
  if (alike.length === 1 && alike[0]) {
    const { sid } = alike[0];
    if (await services.callLogs.note(sender.apiKeyId, attempt.id, { sid, isGuess: true, state })) return sid;
  }
  const isSettled = services.now().getTime() - since > SETTLED_MS;
  if (listing && listing.since < from && possible.length === 0 && isSettled) {
    await services.callLogs.note(sender.apiKeyId, attempt.id, { state: "ended" });
    throw new ApiError("outbound_failed", {
      message:
        "Twilio did not answer, and has nothing of this request. Send it again with a new Idempotency-Key.",
      details: { outcome: "not_sent" },
      cause,
    });
  }
  throw unknown(cause);
}

function unknown(cause: unknown): ApiError {
  return new ApiError("outbound_failed", {
    message:
      "Twilio did not answer, and it is not known whether it has carried this out. It is not sent again. Send the same " +
      "request with the same Idempotency-Key in a minute to learn what became of it; events tell it too.",
    details: { outcome: "unknown" },
    cause,
  });
}

/** Twilio has done nothing, so the same request may be sent again. */
export async function forget({ attempt, sender }: Sending, services: Services): Promise<void> {
  await services.callLogs
    .forget(sender.apiKeyId, attempt.id)
    .catch((error: unknown) => services.log.warn("attempt_not_forgotten", errorFields(error)));
}

function refusal(error: TwilioError, { attempt, connected, sender }: Sending, services: Services) {
  const { endpoint, credentials } = connected;
  const refused = { endpoint, credentials, apiKeyId: sender.apiKeyId };
  return diagnose(error, refused, services, refusalCode(attempt, error.facts.twilioCode));
}

/** Texts have codes of their own. */
function refusalCode({ kind }: Attempt, twilioCode: number | undefined) {
  if (kind === "sms" && twilioCode === 21610) return "recipient_unsubscribed";
  if (kind === "sms" && (twilioCode === 21606 || twilioCode === 21612)) return "sms_not_supported";
  return "outbound_refused";
}
