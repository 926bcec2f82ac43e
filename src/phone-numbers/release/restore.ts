import { TwilioError } from "../../twilio/errors.ts";
import type {
  IncomingPhoneNumber,
  IncomingPhoneNumbers,
  NumberUpdate,
} from "../../twilio/incoming-phone-numbers.ts";
import { notApplied } from "../configuration.ts";
import { byChannel, withoutBindings } from "./plan.ts";

/**
 * Sends an update and makes sure that it is in force. If Twilio's answer is lost, reads the number, and sends the
 * update once more only if it is not in force.
 *
 * @throws TwilioError
 * @throws Error if Twilio accepts the update, but the number then differs from it
 */
export async function restore(
  twilio: IncomingPhoneNumbers,
  sid: string,
  update: NumberUpdate,
): Promise<void> {
  const isInForce = (number: IncomingPhoneNumber) => notApplied(number, update).length === 0;
  let number: IncomingPhoneNumber;
  try {
    number = await twilio.update(sid, update);
  } catch (error) {
    // If Twilio refuses, a second try gives the same answer.
    if (!(error instanceof TwilioError) || error.facts.failure !== "unavailable") throw error;
    number = await twilio.fetch(sid);
    if (!isInForce(number)) number = await twilio.update(sid, update);
  }
  if (!isInForce(number)) throw new Error(`not restored: ${notApplied(number, update).join(", ")}`);
}

/** The result of a restore. */
export type Restored = {
  /** What is in force. */
  taken: NumberUpdate;
  /** Fields of bindings that Twilio refused, for example to a trunk that no longer exists. */
  withoutBinding: string[];
  /** What else Twilio refused, and why. */
  refused?: { update: NumberUpdate; error: TwilioError };
};

/**
 * Restores as much as Twilio accepts. Sends the whole update first; if Twilio refuses it, each channel alone; and if
 * Twilio refuses a channel, its URLs without the bindings, because the trunk or application may no longer exist.
 *
 * @throws TwilioError if Twilio fails in another way than a refusal
 * @throws Error as {@link restore}
 */
export async function restoreByChannel(
  twilio: IncomingPhoneNumbers,
  sid: string,
  update: NumberUpdate,
): Promise<Restored> {
  const tryIt = (part: NumberUpdate) => refusalOf(restore(twilio, sid, part));
  if (Object.keys(update).length === 0) return { taken: {}, withoutBinding: [] };
  const refusal = await tryIt(update);
  if (!refusal) return { taken: update, withoutBinding: [] };

  const result: Restored = { taken: {}, withoutBinding: [] };
  const channels = byChannel(update);
  for (const [, part] of channels) {
    // With one channel, this part is the whole update, which Twilio has just refused.
    let error = channels.length === 1 ? refusal : await tryIt(part);
    let taken = part;
    const { rest, bindings } = withoutBindings(part);
    if (error && bindings.length > 0) {
      error = await tryIt(rest);
      taken = rest;
      if (!error) result.withoutBinding.push(...bindings);
    }
    if (error) result.refused = { update: { ...result.refused?.update, ...part }, error };
    else result.taken = { ...result.taken, ...taken };
  }
  return result;
}

/** Twilio's 400 as a value. @throws every other error */
async function refusalOf(work: Promise<void>): Promise<TwilioError | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (error instanceof TwilioError && error.facts.status === 400) return error;
    throw error;
  }
}
