import * as z from "zod/mini";
import { TwilioError } from "./errors.ts";
import { callTwilio, type TwilioCredentials, type TwilioEndpoint } from "./http.ts";

const message = z.object({ sid: z.string().check(z.regex(/^(?:SM|MM)[0-9a-fA-F]{32}$/)) });

/**
 * Sends a text. https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource
 *
 * @returns its SID
 * @throws TwilioError; `unavailable` leaves open whether it was sent
 */
export async function sendMessage(
  endpoint: TwilioEndpoint,
  credentials: TwilioCredentials,
  { from, to, body }: { from: string; to: string; body: string },
): Promise<string> {
  const answer = await callTwilio(endpoint, credentials, {
    method: "POST",
    path: `/2010-04-01/Accounts/${credentials.accountSid}/Messages.json`,
    form: { From: from, To: to, Body: body },
  });
  const sent = z.safeParse(message, answer);
  if (!sent.success) throw new TwilioError("Twilio's answer is no message", { failure: "unavailable" });
  return sent.data.sid;
}
