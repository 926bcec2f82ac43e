import * as z from "zod/mini";
import { askTwilio, type TwilioCredentials, type TwilioEndpoint } from "./http.ts";
import { type Listing, listingOf } from "./listing.ts";

const message = z.object({ sid: z.string().check(z.regex(/^(?:SM|MM)[0-9a-fA-F]{32}$/)) });
const listed = z.object({
  ...message.shape,
  from: z.nullish(z.string()),
  to: z.nullish(z.string()),
  body: z.nullish(z.string()),
  direction: z.nullish(z.string()),
  date_created: z.nullish(z.string()),
});
const page = z.object({ messages: z.array(listed) });

export type Text = { from: string; to: string; body: string };

/** The Messaging Service that a text goes through, and where Twilio reports what becomes of it. */
export type Sending = { messagingServiceSid?: string | null; statusCallback?: string | undefined };

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
  const sent = await askTwilio(message, endpoint, credentials, {
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
  return sent.sid;
}

/**
 * The newest texts that the REST API sent to a recipient. A Messaging Service may have sent ours by another number.
 *
 * @throws TwilioError
 */
export async function listMessages(
  endpoint: TwilioEndpoint,
  credentials: TwilioCredentials,
  { from, to, body }: Text,
): Promise<Listing> {
  const query = new URLSearchParams({ To: to, PageSize: String(LOOKED_AT) });
  const path = `/2010-04-01/Accounts/${credentials.accountSid}/Messages.json?${query}`;
  const answer = await askTwilio(page, endpoint, credentials, { method: "GET", path });
  return listingOf(
    answer.messages,
    LOOKED_AT,
    () => true,
    (entry) => entry.from === from && entry.to === to && wordsOf(entry.body ?? "") === wordsOf(body),
  );
}

const TRIAL = /^Sent from your Twilio trial account - /;

/**
 * A body without what Twilio may change of it: the words before it on a trial account, and quotes, dashes and spaces.
 * https://www.twilio.com/docs/messaging/services/smart-encoding-char-list
 */
function wordsOf(body: string): string {
  return body
    .replace(TRIAL, "")
    .normalize("NFKC")
    .replace(/[\p{P}\p{Z}\p{C}]+/gu, " ")
    .trim();
}
