import { authTokenSlot } from "../../src/twilio-accounts/auth-token.ts";
import { createVault } from "../../src/vault/vault.ts";
import { sendExpecting } from "../measure/http.ts";
import type { Round } from "../workers/fleet.ts";
import { deployable, small } from "./bundles.ts";
import { createCustomer } from "./systems.ts";
import type { Twilio } from "./twilio.ts";
import { deployed, module, PUBLIC_BASE_URL, startWorkerd } from "./workerd.ts";

const NAME = "fleet";
const ACCOUNTS_AT_ONCE = 2_000;

/** One workerd with the Worker and its D1, whose messages are handed out by the bench. */
export async function startFleet(twilio: Twilio) {
  const { options, secrets } = deployed(twilio.url);
  // Messages are handed out by the Worker around it.
  const { queueConsumers: _, ...rest } = options;
  const modules = [
    module("fleet.js", await small("fleet")),
    module("index.js", deployable("src/index.ts").code),
  ];
  const { miniflare, urls, d1, pid } = await startWorkerd(NAME, { [NAME]: { ...rest, modules } });

  /** The cron, and checkers until none has anything left to do. */
  const round = async (concurrency: number): Promise<Round> =>
    JSON.parse(
      await sendExpecting(200, { method: "GET", url: `${urls[NAME]}/round?concurrency=${concurrency}` }),
    );

  /** Accounts with a number each, in order and due: as imports would have left them, and too many to import. */
  async function fill(accounts: number): Promise<void> {
    await createCustomer(urls[NAME], secrets.ADMIN_TOKEN);
    // Nothing was sealed by an older key. The cron notes that, and then has only the checks to do.
    await round(0);
    const vault = createVault(secrets.TOKEN_ENCRYPTION_KEYS);
    const agent = await d1.prepare("SELECT id, api_key_id FROM agents").first<Record<string, string>>();
    const { id: agentId = "", api_key_id: apiKeyId = "" } = agent ?? {};
    for (let start = 0; start < accounts; start += ACCOUNTS_AT_ONCE) {
      const some = await twilio.addFleet(Math.min(ACCOUNTS_AT_ONCE, accounts - start), PUBLIC_BASE_URL);
      const rows = some.map(async ({ account, number }) => {
        const slot = authTokenSlot({ apiKeyId, accountSid: account.sid, region: "" });
        return { ...number, account_sid: account.sid, sealed: await vault.seal(account.authToken, slot) };
      });
      const json = JSON.stringify(await Promise.all(rows));
      await d1.batch([
        d1
          .prepare(
            `INSERT INTO twilio_accounts (api_key_id, account_sid, region, auth_token_sealed, next_check_at,
               routing_checked_at, created_at, updated_at)
             SELECT ?1, value ->> 'account_sid', '', value ->> 'sealed', ?2, ?2, ?2, ?2 FROM json_each(?3)`,
          )
          .bind(apiKeyId, new Date().toISOString(), json),
        d1
          .prepare(
            `INSERT INTO phone_numbers (id, phone_number, api_key_id, agent_id, account_sid, region,
               twilio_number_sid, state, lease_holder, previous_configuration_sealed, created_at, updated_at)
             SELECT value ->> 'id', value ->> 'phone_number', ?1, ?2, value ->> 'account_sid', '',
               value ->> 'twilio_number_sid', 'active', 'c', '', '2026', '2026' FROM json_each(?3)`,
          )
          .bind(apiKeyId, agentId, json),
      ]);
    }
    await twilio.take();
  }

  return { d1, pid, fill, round, close: () => miniflare.dispose() };
}
