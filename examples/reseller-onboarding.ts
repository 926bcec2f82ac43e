import { type Client, createClient, type ErrorCode, NixflexError } from "@nixflex/numbers";

// A reseller has a new customer: this imports every number of the customer's Twilio account under one agent.
//
//   NIXFLEX_URL=https://numbers.example.com NIXFLEX_KEY=KEY_ID:KEY_SECRET AGENT_ID=agent_… \
//   TWILIO_ACCOUNT_SID=AC… TWILIO_AUTH_TOKEN=… node examples/reseller-onboarding.ts

export type TwilioAccount = {
  accountSid: string;
  authToken: string;
  /** The URL of Twilio's REST API in a region, such as `https://api.dublin.ie1.twilio.com`. The default is US1. */
  baseUrl?: string;
};

export type Outcome = { phoneNumber: string; result: "imported" | ErrorCode | "unreadable_answer" };

const MAX_TRIES = 3;

/** Imports every number of the account, one after the other, and returns the result of each. */
export async function onboard(
  nixflex: Client,
  account: TwilioAccount,
  agentId: string,
  wait = (seconds: number) => new Promise<void>((done) => setTimeout(done, seconds * 1000)),
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const phoneNumber of await listNumbers(account)) {
    outcomes.push({ phoneNumber, result: await importNumber(nixflex, account, agentId, phoneNumber, wait) });
  }
  return outcomes;
}

async function importNumber(
  nixflex: Client,
  { accountSid, authToken }: TwilioAccount,
  agentId: string,
  phoneNumber: string,
  wait: (seconds: number) => Promise<void>,
): Promise<Outcome["result"]> {
  const body = {
    phone_number: phoneNumber,
    twilio_sid: accountSid,
    twilio_token: authToken,
    agent_id: agentId,
  };
  for (let tries = 1; ; tries += 1) {
    try {
      await nixflex.importPhoneNumber({ body });
      return "imported";
    } catch (error) {
      if (!(error instanceof NixflexError)) throw error;
      if (error.retryAfterSeconds === undefined || tries === MAX_TRIES) return error.code;
      await wait(error.retryAfterSeconds);
    }
  }
}

type Page = { incoming_phone_numbers: { phone_number: string }[]; next_page_uri: string | null };

/** https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource#read-multiple-incomingphonenumber-resources */
async function listNumbers({
  accountSid,
  authToken,
  baseUrl = "https://api.twilio.com",
}: TwilioAccount): Promise<string[]> {
  const authorization = `Basic ${btoa(`${accountSid}:${authToken}`)}`;
  const numbers: string[] = [];
  let next: string | null = `/2010-04-01/Accounts/${accountSid}/IncomingPhoneNumbers.json`;
  while (next) {
    const response = await fetch(new URL(next, baseUrl), { headers: { authorization } });
    if (!response.ok) throw new Error(`Twilio answered ${response.status}`);
    const page = (await response.json()) as Page;
    numbers.push(...page.incoming_phone_numbers.map(({ phone_number }) => phone_number));
    next = page.next_page_uri;
  }
  return numbers;
}

function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set.`);
  return value;
}

if (import.meta.main) {
  const outcomes = await onboard(
    createClient({ baseUrl: setting("NIXFLEX_URL"), token: setting("NIXFLEX_KEY") }),
    {
      accountSid: setting("TWILIO_ACCOUNT_SID"),
      authToken: setting("TWILIO_AUTH_TOKEN"),
      ...(process.env.TWILIO_API_BASE_URL && { baseUrl: process.env.TWILIO_API_BASE_URL }),
    },
    setting("AGENT_ID"),
  );
  console.table(outcomes);
}
