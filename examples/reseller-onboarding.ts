import { type Client, createClient } from "@nixflex/numbers";

// A reseller moves in: every number of a Twilio account and of its subaccounts is imported, and a CSV says what became of
// each.
//
//   NIXFLEX_URL=https://numbers.example.com NIXFLEX_KEY=KEY_ID:KEY_SECRET AGENT_ID=agent_… \
//   TWILIO_ACCOUNT_SID=AC… TWILIO_AUTH_TOKEN=… npx node examples/reseller-onboarding.ts > results.csv

type Settings = { agentId: string; accountSid: string; authToken: string };

const POLL_MS = 2_000;

/** @returns the results as CSV */
export async function onboard(
  nixflex: Client,
  { agentId, accountSid, authToken }: Settings,
  report: (progress: string) => void = () => undefined,
  pollMs = POLL_MS,
): Promise<string> {
  const { import_id } = await nixflex.createPhoneNumberImport({
    body: {
      all: true,
      include_subaccounts: true,
      twilio_sid: accountSid,
      twilio_token: authToken,
      agent_id: agentId,
    },
  });
  const path = { import_id };
  for (;;) {
    const { counts, total, seconds_left, ended_at } = await nixflex.getPhoneNumberImport({ path });
    report(`${import_id}: ${total - (counts.waiting ?? 0)} of ${total}, ${seconds_left ?? "?"} s left`);
    if (ended_at !== null) return (await nixflex.downloadPhoneNumberImportResults({ path })).text();
    await new Promise((done) => setTimeout(done, pollMs));
  }
}

function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set.`);
  return value;
}

if (import.meta.main) {
  const nixflex = createClient({ baseUrl: setting("NIXFLEX_URL"), token: setting("NIXFLEX_KEY") });
  const settings = {
    agentId: setting("AGENT_ID"),
    accountSid: setting("TWILIO_ACCOUNT_SID"),
    authToken: setting("TWILIO_AUTH_TOKEN"),
  };
  console.log(await onboard(nixflex, settings, console.error));
}
