import { previousConfigurationSlot } from "../../src/phone-numbers/previous-configuration.ts";
import { SEALED_COLUMNS } from "../../src/rotation/columns.ts";
import { authTokenSlot } from "../../src/twilio-accounts/auth-token.ts";
import { createVault } from "../../src/vault/vault.ts";
import type { FleetAccount } from "./fleet.ts";
import type { Reconciler } from "./reconciler.ts";

const ROWS_AT_ONCE = 2_000;
/** As long as what an import seals of a number. */
const CONFIGURATION = JSON.stringify({ voice_url: "https://example.com/".padEnd(500, "x") });

/** Writes accounts and numbers into D1 as imports would have left them, each account with a customer of its own. */
export async function seed(
  { d1, encryptionKeys }: Pick<Reconciler, "d1" | "encryptionKeys">,
  accounts: readonly FleetAccount[],
): Promise<void> {
  const vault = createVault(encryptionKeys);
  const now = new Date(Date.now() - 3_600_000).toISOString();
  const insert = async (table: string, columns: string, rows: readonly (readonly unknown[])[]) => {
    const values = columns.split(", ").map((_, index) => `json_extract(value, '$[${index}]')`);
    const statement = d1.prepare(
      `INSERT INTO ${table} (${columns}) SELECT ${values.join(", ")} FROM json_each(?1)`,
    );
    for (let start = 0; start < rows.length; start += ROWS_AT_ONCE) {
      await statement.bind(JSON.stringify(rows.slice(start, start + ROWS_AT_ONCE))).run();
    }
  };
  const owners = accounts.map((account, index) => ({
    account,
    apiKeyId: `nxf_${String(index).padStart(32, "0")}`,
    agentId: `agent_${String(index).padStart(16, "0")}`,
  }));

  await insert(
    "api_keys",
    "id, secret_hash, name, created_at",
    owners.map(({ apiKeyId }) => [apiKeyId, "0".repeat(64), "bench", now]),
  );
  await insert(
    "agents",
    "id, api_key_id, name, language, is_active, webhook_url, created_at, updated_at",
    owners.map(({ apiKeyId, agentId }) => [
      agentId,
      apiKeyId,
      "Receptionist",
      "en-US",
      1,
      "https://customer.example.com/events",
      now,
      now,
    ]),
  );
  await insert(
    "twilio_accounts",
    "api_key_id, account_sid, auth_token_sealed, created_at, updated_at",
    await Promise.all(
      owners.map(async ({ apiKeyId, account: { sid, authToken } }) => [
        apiKeyId,
        sid,
        await vault.seal(authToken, authTokenSlot({ apiKeyId, accountSid: sid, region: "" })),
        now,
        now,
      ]),
    ),
  );
  // A check does not look at it, so that one for all will do.
  const configuration = await vault.seal(CONFIGURATION, previousConfigurationSlot("num_"));
  await insert(
    "phone_numbers",
    "id, phone_number, api_key_id, agent_id, account_sid, twilio_number_sid, state, claim_id, previous_configuration_sealed, created_at, updated_at",
    owners.flatMap(({ account, apiKeyId, agentId }) =>
      account.numbers.map(({ id, sid, phone_number }) => [
        id,
        phone_number,
        apiKeyId,
        agentId,
        account.sid,
        sid,
        "active",
        "claim",
        configuration,
        now,
        now,
      ]),
    ),
  );
  // No key was rotated: the cron finds nothing to seal anew, as on most days.
  const keyId = await vault.currentKeyId();
  await insert(
    "reseal_progress",
    "column_name, key_id, position, found, done_at",
    SEALED_COLUMNS.map(({ table, column }) => [`${table}.${column}`, keyId, "[]", 0, now]),
  );
}
