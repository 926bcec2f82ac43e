import { TwilioError } from "../twilio/errors.ts";
import type {
  IncomingPhoneNumber,
  IncomingPhoneNumbers,
  NumberUpdate,
} from "../twilio/incoming-phone-numbers.ts";
import { notApplied } from "./configuration.ts";

/**
 * Gives a number back by sending an update, and makes sure it is in force. Where the answer is lost the number itself is
 * asked, and an update that was seen not to have happened is sent once more.
 *
 * @throws TwilioError
 * @throws Error where Twilio says that something else is in force
 */
export async function giveBack(
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
