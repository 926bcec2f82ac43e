import * as z from "zod/mini";
import { isNotFound, TwilioError } from "./errors.ts";
import { callTwilio, ofForm, type TwilioCredentials, type TwilioEndpoint } from "./http.ts";
import { productOrigin } from "./regions.ts";

const service = z.object({
  sid: z.string().check(z.regex(/^MG[0-9a-fA-F]{32}$/)),
  use_inbound_webhook_on_number: z.nullish(z.boolean()),
});

const page = z.object({
  services: z.array(z.unknown()),
  meta: z.nullish(z.object({ next_page_url: z.nullish(z.string()) })),
});

export type MessagingService = { sid: string; usesInboundWebhookOnNumber: boolean };

const PAGE_SIZE = 100;
// Twilio cannot say which service a number is in, so we ask each service for the number, a few at a time.
const MAX_SERVICES = 30;
const AT_ONCE = 3;

/**
 * The Messaging Service that a number is in, or undefined if it is in none.
 * https://www.twilio.com/docs/messaging/api/service-resource
 *
 * @throws TwilioError also if the account has more than thirty services and the number is in none of the first thirty
 */
export async function findMessagingService(
  endpoint: TwilioEndpoint,
  credentials: TwilioCredentials,
  numberSid: string,
): Promise<MessagingService | undefined> {
  const messaging = { ...endpoint, baseUrl: productOrigin(endpoint, "messaging") };
  const get = (path: string) => callTwilio(messaging, credentials, { method: "GET", path });
  const answer = ofForm(page, await get(`/v1/Services?PageSize=${PAGE_SIZE}`));
  const services = answer.services
    .map((entry) => service.safeParse(entry))
    .flatMap((result) => (result.success ? [result.data] : []))
    .slice(0, MAX_SERVICES);
  const isAll = services.length === answer.services.length && !answer.meta?.next_page_url;

  for (let start = 0; start < services.length; start += AT_ONCE) {
    const some = services.slice(start, start + AT_ONCE);
    const found = await Promise.all(some.map(({ sid }) => holds(sid)));
    const match = some[found.indexOf(true)];
    if (match)
      return { sid: match.sid, usesInboundWebhookOnNumber: match.use_inbound_webhook_on_number === true };
  }
  if (!isAll)
    throw new TwilioError("the account has too many Messaging Services to ask each of them", {
      failure: "unavailable",
    });
  return undefined;

  async function holds(sid: string): Promise<boolean> {
    try {
      await get(`/v1/Services/${sid}/PhoneNumbers/${numberSid}`);
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }
}
