import { previousConfigurationSlot } from "../../src/phone-numbers/previous-configuration.ts";
import { authTokenSlot } from "../../src/twilio-accounts/auth-token.ts";
import { createVault } from "../../src/vault/vault.ts";

// A registry as imports would have left it, written into D1 at once.

/** A Twilio account of one API key, and its numbers. */
export type SeededAccount = {
  apiKeyId: string;
  agentId: string;
  sid: string;
  authToken: string;
  numbers: { id: string; sid: string; phone_number: string }[];
};

export type SeedSize = { keys: number; accountsPerKey: number; numbersPerAccount: number };

type Target = {
  d1: D1Database;
  encryptionKeys: string;
  /** Where events of a key go, by its place. */
  urlOf: (key: number) => string | null;
  /** How many keys were seeded before. */
  from?: number;
};

const hex = (prefix: string, index: number, length = 32) => prefix + index.toString(16).padStart(length, "0");
// A bound value may be 2 MB.
const ROWS_AT_ONCE = 500;
const AUTH_TOKEN = "f".repeat(32);
const SNAPSHOT = JSON.stringify({ voice_url: "https://example.com/".padEnd(400, "x") });

/** Seeds keys up to so many, with accounts and numbers of their own. @returns the accounts that are new */
export async function seed(
  { d1, encryptionKeys, urlOf, from = 0 }: Target,
  { keys, accountsPerKey, numbersPerAccount }: SeedSize,
): Promise<SeededAccount[]> {
  const vault = createVault(encryptionKeys);
  const now = new Date().toISOString();
  const times = { created_at: now, updated_at: now };
  // Nothing here opens it, so one serves all.
  const snapshot = await vault.seal(SNAPSHOT, previousConfigurationSlot("num_"));
  const places = Array.from({ length: keys - from }, (_, place) => from + place);
  const accounts = places.flatMap((key) =>
    Array.from({ length: accountsPerKey }, (_, index): SeededAccount => {
      const account = key * accountsPerKey + index;
      return {
        apiKeyId: hex("nxf_", key),
        agentId: hex("agent_", key, 16),
        sid: hex("AC", account),
        authToken: AUTH_TOKEN,
        numbers: Array.from({ length: numbersPerAccount }, (_, place) => {
          const number = account * numbersPerAccount + place;
          const phone_number = `+16${String(number).padStart(9, "0")}`;
          return { id: hex("num_", number), sid: hex("PN", number), phone_number };
        }),
      };
    }),
  );

  await insert(
    "api_keys",
    places.map((key) => ({
      id: hex("nxf_", key),
      secret_hash: "0".repeat(64),
      name: "bench",
      created_at: now,
    })),
  );
  await insert(
    "agents",
    places.map((key) => ({
      id: hex("agent_", key, 16),
      api_key_id: hex("nxf_", key),
      name: "Receptionist",
      language: "en",
      is_active: 1,
      webhook_url: urlOf(key),
      ...times,
    })),
  );
  const sealed = accounts.map(({ apiKeyId, sid, authToken }) =>
    vault.seal(authToken, authTokenSlot({ apiKeyId, accountSid: sid, region: "" })),
  );
  const tokens = await Promise.all(sealed);
  await insert(
    "twilio_accounts",
    accounts.map(({ apiKeyId, sid }, index) => ({
      api_key_id: apiKeyId,
      account_sid: sid,
      auth_token_sealed: tokens[index],
      next_check_at: "9999",
      ...times,
    })),
  );
  await insert("phone_numbers", numberRows());
  return accounts;

  function* numberRows() {
    for (const { apiKeyId, agentId, sid, numbers } of accounts) {
      const owner = { api_key_id: apiKeyId, agent_id: agentId, account_sid: sid };
      for (const { id, sid: twilio_number_sid, phone_number } of numbers) {
        const rest = { state: "active", lease_holder: "claim", previous_configuration_sealed: snapshot };
        yield { id, phone_number, ...owner, twilio_number_sid, ...rest, last_inbound_at: now, ...times };
      }
    }
  }

  async function insert(table: string, rows: Iterable<Record<string, unknown>>): Promise<void> {
    let some: Record<string, unknown>[] = [];
    const write = async () => {
      const columns = Object.keys(some[0] ?? {});
      const values = columns.map((column) => `value ->> '${column}'`);
      const sql = `INSERT INTO ${table} (${columns}) SELECT ${values} FROM json_each(?1)`;
      if (some.length > 0) await d1.prepare(sql).bind(JSON.stringify(some)).run();
      some = [];
    };
    for (const row of rows) if (some.push(row) === ROWS_AT_ONCE) await write();
    await write();
  }
}
