import * as z from "zod/mini";
import { countryOf } from "./country.ts";
import { callTwilio, ofForm, type TwilioCredentials, type TwilioEndpoint } from "./http.ts";
import { nextPage } from "./next-page.ts";
import { productOrigin } from "./regions.ts";

// Whether carriers of the United States take a number's texts: that of a local number if its Messaging Service has a
// campaign (A2P 10DLC), that of a toll-free one if it is verified. https://www.twilio.com/docs/api/errors/30034,
// https://www.twilio.com/docs/api/errors/30032

export const TEXT_WARNINGS = [
  "a2p_unregistered",
  "a2p_pending",
  "tollfree_unverified",
  "tollfree_pending",
] as const;
export type TextWarning = (typeof TEXT_WARNINGS)[number];
type Access = { endpoint: TwilioEndpoint; credentials: TwilioCredentials };
type Registered = { sid: string; phone_number: string };
/** What Twilio says of each registration of a number, by its SID. */
type Statuses = Map<string, string[]>;

const PENDING = ["PENDING", "IN_PROGRESS", "PENDING_REVIEW", "IN_REVIEW"];
const REFUSED = ["FAILED", "TWILIO_REJECTED"];

/** The best of several registrations counts. One that is approved, or in a state that is new to us, warns of nothing. */
function warningOf<W>(statuses: readonly string[], pending: W, none: W): W | undefined {
  if (!statuses.every((status) => PENDING.includes(status) || REFUSED.includes(status))) return undefined;
  return statuses.some((status) => PENDING.includes(status)) ? pending : none;
}

/**
 * What to warn of, by SID of an account's number. Reads lists, not each number.
 *
 * @throws TwilioError
 */
export async function findTextWarnings(
  access: Access,
  numbers: readonly Registered[],
): Promise<Map<string, TextWarning | undefined>> {
  const tollfree = numbers.filter(({ phone_number }) => /^\+18(?:00|33|44|55|66|77|88)/.test(phone_number));
  const countries = await Promise.all(numbers.map(({ phone_number }) => countryOf(phone_number)));
  const local = numbers.filter((one, index) => countries[index] === "US" && !tollfree.includes(one));
  const campaigns = local.length > 0 ? await findCampaigns(access, local) : new Map();
  const verifications = tollfree.length > 0 ? await findVerifications(access) : new Map();
  return new Map([
    ...local.map(({ sid }) => {
      return [sid, warningOf(campaigns.get(sid) ?? [], "a2p_pending", "a2p_unregistered")] as const;
    }),
    ...tollfree.map(({ sid }) => {
      return [
        sid,
        warningOf(verifications.get(sid) ?? [], "tollfree_pending", "tollfree_unverified"),
      ] as const;
    }),
  ]);
}

/** https://www.twilio.com/docs/messaging/api/tollfree-verification-resource */
async function findVerifications(access: Access): Promise<Statuses> {
  const statuses: Statuses = new Map();
  for (const one of await listAll(access, "/v1/Tollfree/Verifications", "verifications")) {
    const number = one.tollfree_phone_number_sid;
    statuses.set(number, [...(statuses.get(number) ?? []), one.status]);
  }
  return statuses;
}

// As `findMessagingService` has them: of more services it is not known which number is in none.
const MAX_SERVICES = 30;
const AT_ONCE = 3;

/** https://www.twilio.com/docs/messaging/api/usapptoperson-resource */
async function findCampaigns(access: Access, numbers: readonly Registered[]): Promise<Statuses> {
  const services = (await listAll(access, "/v1/Services", "services")).filter(({ sid }) =>
    /^MG\w+$/.test(sid),
  );
  const unknown = services.length > MAX_SERVICES ? ["UNKNOWN"] : [];
  const statuses: Statuses = new Map(numbers.map(({ sid }) => [sid, unknown]));
  const missing = new Set(statuses.keys());
  for (let start = 0; start < Math.min(services.length, MAX_SERVICES) && missing.size > 0; start += AT_ONCE)
    await Promise.all(services.slice(start, start + AT_ONCE).map(({ sid }) => look(`/v1/Services/${sid}`)));
  return statuses;

  async function look(service: string): Promise<void> {
    const members = await listAll(access, `${service}/PhoneNumbers`, "phone_numbers");
    const found = members.filter(({ sid }) => missing.delete(sid));
    if (found.length === 0) return;
    const campaigns = await listAll(access, `${service}/Compliance/Usa2p`, "compliance");
    for (const { sid } of found)
      statuses.set(
        sid,
        campaigns.map(({ campaign_status }) => campaign_status),
      );
  }
}

const page = z.looseObject({ meta: z.nullish(z.object({ next_page_url: z.nullish(z.string()) })) });
// What is missing or strange is of no kind that we know.
const text = z.catch(z.string(), "");
const entries = z.array(
  z.object({ sid: text, campaign_status: text, tollfree_phone_number_sid: text, status: text }),
);

/** All entries of a list of Twilio's product Messaging. @throws TwilioError */
async function listAll({ endpoint, credentials }: Access, list: string, name: string) {
  const messaging = { ...endpoint, baseUrl: productOrigin(endpoint, "messaging") };
  const found: z.output<typeof entries> = [];
  let path: string | undefined = `${list}?PageSize=1000`;
  while (path !== undefined) {
    const answer = ofForm(page, await callTwilio(messaging, credentials, { method: "GET", path }));
    found.push(...ofForm(entries, answer[name]));
    path = nextPage(answer.meta?.next_page_url, messaging.baseUrl, list);
  }
  return found;
}
