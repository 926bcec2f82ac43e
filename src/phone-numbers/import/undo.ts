import { StorageError } from "../../database.ts";
import { ApiError, type ErrorCode } from "../../http/errors.ts";
import { errorFields } from "../../http/log.ts";
import type { Services } from "../../services.ts";
import { cannotText, mayStillHappen, TwilioError } from "../../twilio/errors.ts";
import type { IncomingPhoneNumber, NumberUpdate } from "../../twilio/incoming-phone-numbers.ts";
import { twilioFailure } from "../../twilio-accounts/twilio-failure.ts";
import { channelNotSupported, heldChannels, supportedChannels } from "../channels.ts";
import { planRestore } from "../configuration.ts";
import { expireLease, isOutcomeUnknown, leaseEnd } from "../lease.ts";
import { restore } from "../release/restore.ts";
import { setLease } from "../store.ts";
import type { ClaimedImport } from "./claim.ts";
import { removeClaim } from "./store.ts";

/**
 * Handles an update that Twilio did not confirm, and returns the error to answer with.
 *
 * If Twilio refused it (4xx), the number has not changed. After any other failure the update may be in force, or come into
 * force yet: we read the number. That it holds our URLs proves that the update is over only if it did not hold them before,
 * and no update of a former import may have come late.
 */
export async function recover(claimed: ClaimedImport, error: unknown, services: Services): Promise<unknown> {
  const answer = refusalOf(error, claimed.number);
  if (error instanceof TwilioError && error.facts.failure !== "unavailable")
    return undoAndAnswer(claimed, claimed.number, answer, services);

  const isOpen = mayStillHappen(error);
  let number: IncomingPhoneNumber;
  try {
    number = await claimed.twilio.fetch(claimed.number.sid);
  } catch (readError) {
    services.log.warn("outcome_unknown", { phone_number_id: claimed.row.id, ...errorFields(readError) });
    await expireLease(claimed.row, services, { mayStillHappen: isOpen });
    return outcomeUnknown(answer);
  }
  const isProof =
    !isOutcomeUnknown(claimed.row.outcomeUnknownUntil, services.now()) &&
    !holdsOurs(claimed, claimed.number) &&
    holdsOurs(claimed, number);
  if (!isOpen || isProof) return undoAndAnswer(claimed, number, answer, services);
  // The owner may import again at once. That import takes over this row and uses the same URLs, so a late update does
  // no harm. If nobody imports again, recovery restores the number as soon as nothing can come late any more; a late
  // update that we see ourselves is undone before that.
  await expireLease(claimed.row, services, { mayStillHappen: true });
  if (!holdsOurs(claimed, number)) services.defer(watchForLateUpdate(claimed, number, services));
  return outcomeUnknown(answer);
}

/**
 * Undoes an import, and returns the error to answer with: `answer`, or "outcome unknown" if the undo fails.
 *
 * @param number the number as it is now
 */
export async function undoAndAnswer(
  claimed: ClaimedImport,
  number: IncomingPhoneNumber,
  answer: unknown,
  services: Services,
): Promise<unknown> {
  return (await undo(claimed, number, services)) ? answer : outcomeUnknown(answer);
}

/** The answer if an import, or the adding of a channel, could be neither finished nor undone. */
export function outcomeUnknown(answer: unknown): unknown {
  const code = answer instanceof ApiError ? answer.code : "storage_unavailable";
  if (!(answer instanceof ApiError || answer instanceof StorageError)) return answer;
  const error = answer instanceof ApiError ? answer : new ApiError(code, { cause: answer });
  return error.explained(
    "This is neither finished nor undone yet. The number may already point here; send the request again to " +
      `finish it. The cause was ${REASONS[code] ?? "a failure of Twilio"}.`,
    { outcome: "unknown" },
  );
}

const REASONS: Partial<Record<ErrorCode, string>> = {
  twilio_rate_limited: "Twilio's rate limit",
  twilio_update_rejected: "a refusal by Twilio",
  twilio_webhooks_not_applied: "an update that Twilio accepted but did not carry out",
  storage_unavailable: "our database, which did not answer",
};

/** The error to answer if Twilio refuses to point a number here. */
export function refusalOf(error: unknown, number: IncomingPhoneNumber): unknown {
  if (!cannotText(error)) return twilioFailure(error, "twilio_update_rejected");
  return channelNotSupported(supportedChannels(number).filter((channel) => channel !== "sms"));
}

const undoing = ({ previous, isOurs, row }: ClaimedImport, number: IncomingPhoneNumber): NumberUpdate =>
  planRestore(number, previous, isOurs, heldChannels(row));

function holdsOurs(claimed: ClaimedImport, number: IncomingPhoneNumber): boolean {
  return Object.keys(undoing(claimed, number)).length > 0;
}

/** The waits between two looks at the number after an update of unknown outcome, as parts of the Twilio deadline. */
const WATCHES = [0.25, 0.5, 0.5];

/**
 * Waits for an update that Twilio may carry out late, undoes it, and removes the row. If none is seen the row stays
 * `importing` until recovery.
 */
async function watchForLateUpdate(
  claimed: ClaimedImport,
  asReadBack: IncomingPhoneNumber,
  services: Services,
): Promise<void> {
  let number = asReadBack;
  for (const part of WATCHES) {
    await scheduler.wait(part * services.twilio.timeoutMs);
    try {
      number = await claimed.twilio.fetch(number.sid);
    } catch (error) {
      services.log.warn("late_update_not_watched", {
        phone_number_id: claimed.row.id,
        ...errorFields(error),
      });
      return;
    }
    if (holdsOurs(claimed, number)) {
      await undo(claimed, number, services);
      return;
    }
  }
}

/**
 * Restores the number at Twilio and removes the row. Never throws: its caller is already answering an error.
 *
 * @param number the number as it is now
 * @returns false if that failed, or an update of a former import may still come late; the row stays `importing` and its
 *   lease expires, so that the next import of the number or recovery takes it over
 */
export async function undo(
  claimed: ClaimedImport,
  number: IncomingPhoneNumber,
  services: Services,
): Promise<boolean> {
  const { row } = claimed;
  const { db, log, now } = services;
  try {
    if (holdsOurs(claimed, number)) {
      // If the lease is lost, another request works on this row and is responsible for Twilio.
      const isHeld = await setLease(db, row, { until: leaseEnd(services, now()) });
      if (!isHeld) return false;
      await restore(claimed.twilio, number.sid, undoing(claimed, number));
    }
    if (isOutcomeUnknown(row.outcomeUnknownUntil, now())) {
      await setLease(db, row, { until: now().toISOString(), recoverAfter: row.outcomeUnknownUntil });
      return false;
    }
    await removeClaim(db, row);
    return true;
  } catch (error) {
    log.error("import_not_undone", { phone_number_id: row.id, ...errorFields(error) });
    await expireLease(claimed.row, services);
    return false;
  }
}
