import { json, sendExpecting } from "../measure/client.ts";
import type { NaiveRequest } from "../workers/naive.ts";
import type { FleetAccount } from "./fleet.ts";
import { basic } from "./simulator.ts";

/** The naive loop over all accounts, one after the other, as the consumer of the queue takes them here. */
export async function runNaively(
  naiveUrl: string,
  twilioUrl: string,
  accounts: readonly FleetAccount[],
): Promise<void> {
  for (const account of accounts) {
    const body: NaiveRequest = {
      twilioUrl,
      authorization: basic(account),
      accountSid: account.sid,
      numbers: account.numbers.map(({ sid, voice_url }) => ({ sid, voiceUrl: voice_url })),
    };
    await sendExpecting(204, { url: naiveUrl, headers: json, body: JSON.stringify(body) });
  }
}
