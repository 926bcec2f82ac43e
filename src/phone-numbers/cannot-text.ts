import { TwilioError } from "../twilio/errors.ts";

const NO_SMS = 21407; // https://www.twilio.com/docs/api/errors/21407

/**
 * Whether Twilio refused an update because the number cannot text. Numbers whose capabilities say so are not asked to;
 * some do not say.
 */
export function cannotText(error: unknown): boolean {
  return (
    error instanceof TwilioError && error.facts.failure === "rejected" && error.facts.twilioCode === NO_SMS
  );
}
