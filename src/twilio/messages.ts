import * as z from "zod/mini";
import { TwilioError } from "./errors.ts";
import { callTwilio, type TwilioCredentials, type TwilioEndpoint } from "./http.ts";

const message = z.object({ sid: z.string().check(z.regex(/^(?:SM|MM)[0-9a-fA-F]{32}$/)) });
const listed = z.object({
  ...message.shape,
  from: z.nullish(z.string()),
  to: z.nullish(z.string()),
  body: z.nullish(z.string()),
  direction: z.nullish(z.string()),
  /** RFC 2822, in whole seconds. */
  date_created: z.nullish(z.string()),
});
const page = z.object({ messages: z.array(z.unknown()) });

export type Text = { from: string; to: string; body: string };

/** The Messaging Service that a text goes through, and where Twilio reports what becomes of it. */
export type Sending = { messagingServiceSid?: string | null; statusCallback?: string | undefined };

export type TwilioMessage = z.output<typeof listed>;

const LOOKED_AT = 50;

/**
 * Sends a text. https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource
 *
 * @returns its SID
 * @throws TwilioError; `unavailable` leaves open whether it was sent
 */
export async function sendMessage(
  endpoint: TwilioEndpoint,
  credentials: TwilioCredentials,
  { from, to, body }: Text,
  { messagingServiceSid, statusCallback }: Sending,
): Promise<string> {
  const answer = await callTwilio(endpoint, credentials, {
    method: "POST",
    path: `/2010-04-01/Accounts/${credentials.accountSid}/Messages.json`,
    form: {
      From: from,
      To: to,
      Body: body,
      ...(messagingServiceSid && { MessagingServiceSid: messagingServiceSid }),
      ...(statusCallback && { StatusCallback: statusCallback }),
    },
  });
  const sent = z.safeParse(message, answer);
  if (!sent.success) throw new TwilioError("Twilio's answer is no message", { failure: "unavailable" });
  return sent.data.sid;
}

/**
 * The newest texts that the REST API sent, with these numbers and these words.
 *
 * @throws TwilioError
 */
export async function listMessages(
  endpoint: TwilioEndpoint,
  credentials: TwilioCredentials,
  { from, to, body }: Text,
): Promise<TwilioMessage[]> {
  const query = new URLSearchParams({ From: from, To: to, PageSize: String(LOOKED_AT) });
  const path = `/2010-04-01/Accounts/${credentials.accountSid}/Messages.json?${query}`;
  const answer = page.safeParse(await callTwilio(endpoint, credentials, { method: "GET", path }));
  if (!answer.success)
    throw new TwilioError("Twilio's list of messages has an unknown form", { failure: "unavailable" });
  return answer.data.messages
    .map((entry) => listed.safeParse(entry))
    .flatMap((result) => (result.success ? [result.data] : []))
    .filter((entry) => entry.from === from && entry.to === to && entry.body === body)
    .filter(({ direction }) => direction === "outbound-api");
}
