import { type Client, createClient } from "@nixflex/numbers";

// Buys a number at Twilio and imports it. The number costs money at Twilio from then on.
//
//   NIXFLEX_URL=https://numbers.example.com NIXFLEX_KEY=KEY_ID:KEY_SECRET AGENT_ID=agent_… COUNTRY=US \
//   TWILIO_ACCOUNT_SID=AC… TWILIO_AUTH_TOKEN=… npx node examples/buy-and-import.ts

export type Twilio = {
  accountSid: string;
  authToken: string;
  /** Twilio's REST API; another address in a Region or a simulator. */
  baseUrl?: string;
};

/** @returns the number, in E.164 */
export async function buyAndImport(
  nixflex: Client,
  twilio: Twilio,
  country: string,
  agentId: string,
): Promise<string> {
  const phoneNumber = await findAvailable(twilio, country);
  await ask(twilio, "/IncomingPhoneNumbers.json", { PhoneNumber: phoneNumber });
  const { phone_number } = await nixflex.importPhoneNumber({
    body: {
      phone_number: phoneNumber,
      twilio_sid: twilio.accountSid,
      twilio_token: twilio.authToken,
      agent_id: agentId,
    },
  });
  return phone_number.phone_number;
}

/** https://www.twilio.com/docs/phone-numbers/api/availablephonenumberlocal-resource */
async function findAvailable(twilio: Twilio, country: string): Promise<string> {
  type Page = { available_phone_numbers: { phone_number: string }[] };
  const path = `/AvailablePhoneNumbers/${country}/Local.json?VoiceEnabled=true&PageSize=1`;
  const [number] = (await ask<Page>(twilio, path)).available_phone_numbers;
  if (!number) throw new Error(`Twilio has no number in ${country} now.`);
  return number.phone_number;
}

/** A GET, or a POST if there is a form. https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource */
async function ask<Answer>(
  { accountSid, authToken, baseUrl = "https://api.twilio.com" }: Twilio,
  path: string,
  form?: Record<string, string>,
): Promise<Answer> {
  const response = await fetch(`${baseUrl}/2010-04-01/Accounts/${accountSid}${path}`, {
    method: form ? "POST" : "GET",
    headers: { authorization: `Basic ${btoa(`${accountSid}:${authToken}`)}` },
    body: form ? new URLSearchParams(form) : null,
  });
  if (!response.ok) throw new Error(`Twilio answered ${response.status}`);
  return (await response.json()) as Answer;
}

function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set.`);
  return value;
}

if (import.meta.main) {
  const nixflex = createClient({ baseUrl: setting("NIXFLEX_URL"), token: setting("NIXFLEX_KEY") });
  const twilio = { accountSid: setting("TWILIO_ACCOUNT_SID"), authToken: setting("TWILIO_AUTH_TOKEN") };
  console.log(await buyAndImport(nixflex, twilio, process.env.COUNTRY ?? "US", setting("AGENT_ID")));
}
