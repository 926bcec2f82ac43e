import { TwilioError } from "../twilio/errors.ts";
import type { IncomingPhoneNumbers, NumberUpdate } from "../twilio/incoming-phone-numbers.ts";
import { notApplied } from "./configuration.ts";

/**
 * Gives a number back by sending an update, and makes sure it is in force.
 *
 * @throws TwilioError
 * @throws Error where Twilio says that something else is in force
 */
export async function giveBack(
  twilio: IncomingPhoneNumbers,
  sid: string,
  update: NumberUpdate,
): Promise<void> {
  const number = await twilio.update(sid, update).catch((error: unknown) => {
    // A refusal is final; after anything else the number itself can tell.
    if (error instanceof TwilioError && error.facts.failure === "unavailable") return twilio.fetch(sid);
    throw error;
  });
  const missing = notApplied(number, update);
  if (missing.length > 0) throw new Error(`not given back: ${missing.join(", ")}`);
}
