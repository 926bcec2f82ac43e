import { TwilioError } from "../../twilio/errors.ts";
import type {
  IncomingPhoneNumber,
  IncomingPhoneNumbers,
  NumberUpdate,
} from "../../twilio/incoming-phone-numbers.ts";
import { notApplied } from "../configuration.ts";
import { byChannel, withoutBindings } from "./plan.ts";

/**
 * Gives a number back by sending an update, and makes sure it is in force. Where the answer is lost the number itself is
 * asked, and an update that was seen not to have happened is sent once more.
 *
 * @throws TwilioError
 * @throws Error where Twilio says that something else is in force
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
    // A refusal is final.
    if (!(error instanceof TwilioError) || error.facts.failure !== "unavailable") throw error;
    number = await twilio.fetch(sid);
    if (!isInForce(number)) number = await twilio.update(sid, update);
  }
  if (!isInForce(number)) throw new Error(`not given back: ${notApplied(number, update).join(", ")}`);
}

/** What became of giving a number back. */
export type Restored = {
  /** What is in force. */
  taken: NumberUpdate;
  /** Fields of bindings that Twilio would not take, such as a trunk that is gone. */
  withoutBinding: string[];
  /** What else Twilio would not take, and why. */
  refused?: { update: NumberUpdate; error: TwilioError };
};

/**
 * Gives a number back as a whole, or where Twilio refuses that, channel by channel, and of a channel the URLs alone, for
 * the trunk or application that was bound before may be gone: what cannot be given back is no reason to keep the rest.
 *
 * @throws TwilioError where it is no refusal
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
    // One that is the whole was just refused.
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

/** Twilio's 400, where that is what became of it. @throws what else was thrown */
async function refusalOf(work: Promise<void>): Promise<TwilioError | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (error instanceof TwilioError && error.facts.status === 400) return error;
    throw error;
  }
}
