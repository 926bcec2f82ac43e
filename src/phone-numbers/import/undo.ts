import { StorageError } from "../../database.ts";
import { ApiError, type ErrorCode } from "../../http/errors.ts";
import { errorFields } from "../../http/log.ts";
import type { Services } from "../../services.ts";
import { TwilioError, type TwilioErrorFacts } from "../../twilio/errors.ts";
import type { IncomingPhoneNumber } from "../../twilio/incoming-phone-numbers.ts";
import { twilioFailure } from "../../twilio-accounts/twilio-failure.ts";
import { planRestore } from "../configuration.ts";
import { expireLease, leaseEnd } from "../lease.ts";
import { setLease } from "../lease-store.ts";
import { restore } from "../release/restore.ts";
import type { ClaimedImport } from "./claim.ts";
import { removeClaim } from "./store.ts";

/**
 * Deals with an update that Twilio did not confirm, and returns the error to answer with.
 *
 * A refusal (4xx) changed nothing, so the number is as it was looked up. After anything else the update may have
 * taken effect: Twilio is asked, and what is ours is given back.
 */
export async function recover(claimed: ClaimedImport, error: unknown, services: Services): Promise<unknown> {
  const answer = twilioFailure(error, "twilio_update_rejected");
  const facts = error instanceof TwilioError ? error.facts : undefined;
  if (facts && facts.failure !== "unavailable")
    return undoAndAnswer(claimed, claimed.number, answer, services);

  let number: IncomingPhoneNumber;
  try {
    number = await claimed.twilio.fetch(claimed.number.sid);
  } catch (readError) {
    services.log.warn("outcome_unknown", { phone_number_id: claimed.row.id, ...errorFields(readError) });
    await expireLease(claimed.row, services);
    return outcomeUnknown(answer);
  }
  if (mayStillHappen(facts) && !holdsOurs(claimed, number)) {
    // The owner may import again at once. That takes this very row over and points the number at the same URLs, so
    // an update that arrives late does no harm then; for when nobody imports again, somebody keeps watch.
    await expireLease(claimed.row, services);
    services.defer(watchForLateUpdate(claimed, number, services));
    return outcomeUnknown(answer);
  }
  return undoAndAnswer(claimed, number, answer, services);
}

/**
 * Whether Twilio may carry out an update yet: nobody who was at work on it has said that it is over. A gateway gives up
 * before what stands behind it does.
 */
function mayStillHappen(facts: TwilioErrorFacts | undefined): boolean {
  return facts !== undefined && (facts.status === undefined || GATEWAY_STATUSES.includes(facts.status));
}

// RFC 9110, 15.6.3 to 15.6.5
const GATEWAY_STATUSES = [502, 503, 504];

/**
 * Undoes an import, and returns the error to answer with: the given one, or one that says what may have been left.
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

/** The answer where an import could be neither finished nor undone. */
export function outcomeUnknown(answer: unknown): unknown {
  const code = answer instanceof ApiError ? answer.code : "storage_unavailable";
  if (!(answer instanceof ApiError || answer instanceof StorageError)) return answer;
  const error = answer instanceof ApiError ? answer : new ApiError(code, { cause: answer });
  return error.explained(
    "This import could be neither finished nor undone yet. The number may point here already; send the import " +
      `again to finish it. What came in between was ${REASONS[code] ?? "a failure of Twilio"}.`,
    { outcome: "unknown" },
  );
}

const REASONS: Partial<Record<ErrorCode, string>> = {
  twilio_rate_limited: "Twilio's limit of requests",
  twilio_update_rejected: "a refusal by Twilio",
  twilio_webhooks_not_applied: "an update that Twilio accepted and did not carry out",
  storage_unavailable: "our database, which did not answer",
};

function holdsOurs({ previous, isOurs }: ClaimedImport, number: IncomingPhoneNumber): boolean {
  return Object.keys(planRestore(number, previous, isOurs)).length > 0;
}

/** When the number is looked at again after an update of unknown outcome, as parts of the deadline, one after the other. */
const WATCHES = [0.25, 0.5, 0.5];

/** Undoes an update that Twilio carries out after we were told of no outcome, and then removes the row. */
async function watchForLateUpdate(
  claimed: ClaimedImport,
  asReadBack: IncomingPhoneNumber,
  services: Services,
): Promise<void> {
  let number = asReadBack;
  for (const part of WATCHES) {
    if (holdsOurs(claimed, number)) break;
    await scheduler.wait(part * services.twilio.timeoutMs);
    try {
      number = await claimed.twilio.fetch(number.sid);
    } catch (error) {
      // The row stays `importing`, for the next import or the reconciliation.
      services.log.warn("late_update_not_watched", {
        phone_number_id: claimed.row.id,
        ...errorFields(error),
      });
      return;
    }
  }
  await undo(claimed, number, services);
}

/**
 * Gives back what is ours at Twilio and removes the row. Never throws: it runs where an error is being answered.
 *
 * @param number the number as it is now
 * @returns false where that could not be done; the row stays `importing` with its lease over, so that the next import
 *   of the number or the reconciliation takes it up
 */
export async function undo(
  claimed: ClaimedImport,
  number: IncomingPhoneNumber,
  services: Services,
): Promise<boolean> {
  const { row, previous, isOurs } = claimed;
  const { db, log, now } = services;
  try {
    if (holdsOurs(claimed, number)) {
      // Without the lease somebody else is at work on this row, and what Twilio holds is theirs to settle.
      const isHeld = await setLease(db, row.id, row.claimId, leaseEnd(services, now()));
      if (!isHeld) return false;
      await restore(claimed.twilio, number.sid, planRestore(number, previous, isOurs));
    }
    await removeClaim(db, row);
    return true;
  } catch (error) {
    log.error("import_not_undone", { phone_number_id: row.id, ...errorFields(error) });
    await expireLease(claimed.row, services);
    return false;
  }
}
