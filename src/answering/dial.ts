import { isE164, isWithheld } from "../twilio/e164.ts";
import { dialled, element, type Xml } from "../twilio/twiml.ts";

/**
 * Puts a call through. Twilio shows the caller's number to whom it dials, and wants one of the account's where there is
 * none to show: https://www.twilio.com/docs/api/errors/13214
 *
 * @returns undefined for the number that was called, which would ring forever, and for one that the key may not call
 */
export function dial(
  to: string,
  { from, phoneNumber, refused = [] }: { from: string; phoneNumber: string; refused?: readonly string[] },
  action?: string,
): Xml | undefined {
  if (to === phoneNumber || refused.includes(to)) return undefined;
  const callerId = isE164(from) && !isWithheld(from) ? undefined : phoneNumber;
  const method = action === undefined ? undefined : "POST";
  return element("Dial", { action, method, answerOnBridge: "true", callerId }, dialled(to));
}
