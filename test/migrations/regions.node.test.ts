import { globSync, readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";

const files = globSync("migrations/*.sql").sort();
const migrate = (db: DatabaseSync, upTo: string, from = "") => {
  for (const file of files.filter((name) => name > `migrations/${from}` && name < `migrations/${upTo}`)) {
    // D1 runs each in a transaction.
    db.exec(`BEGIN; ${readFileSync(file, "utf8")} COMMIT;`);
  }
};

it("0005 keeps every account and number of the version before, and their foreign keys", () => {
  const db = new DatabaseSync(":memory:");
  db.exec("PRAGMA foreign_keys = ON");
  migrate(db, "0005");
  db.exec(`
    INSERT INTO api_keys (id, secret_hash, name, created_at) VALUES ('nxf_1', 'h', 'one', '2026'), ('nxf_2', 'h', 'two', '2026');
    INSERT INTO agents (id, api_key_id, name, language, is_active, created_at, updated_at)
      VALUES ('agent_1', 'nxf_1', 'A', 'en', 1, '2026', '2026');
    INSERT INTO twilio_accounts (api_key_id, account_sid, auth_token_sealed, created_at, updated_at, health, check_position)
      VALUES ('nxf_1', 'AC1', 'sealed', '2026', '2026', 'unreachable', 'PN5'), ('nxf_2', 'AC1', 'other', '2026', '2026', 'ok', '');
    INSERT INTO phone_numbers (id, phone_number, api_key_id, agent_id, account_sid, twilio_number_sid, state, claim_id,
      previous_configuration_sealed, created_at, updated_at, drift_policy, sms_refused, repairs, last_inbound_at)
      VALUES ('num_1', '+1', 'nxf_1', 'agent_1', 'AC1', 'PN1', 'active', 'c', 's', '2026', '2026', 'report', 1, 2, '2026'),
             ('num_2', '+2', 'nxf_2', NULL, 'AC1', 'PN2', 'returning', 'c', 's', '2026', '2026', 'repair', 0, 0, NULL);`);
  const before = {
    accounts: db.prepare("SELECT * FROM twilio_accounts ORDER BY api_key_id").all(),
    numbers: db.prepare("SELECT * FROM phone_numbers ORDER BY id").all(),
  };
  migrate(db, "0006", "0005");
  const after = {
    accounts: db.prepare("SELECT * FROM twilio_accounts ORDER BY api_key_id").all(),
    numbers: db.prepare("SELECT * FROM phone_numbers ORDER BY id").all(),
  };
  const added = { region: "" };
  expect(after.numbers).toEqual(
    before.numbers.map((row) => ({ ...row, ...added, outcome_unknown_until: null })),
  );
  expect(after.accounts).toEqual(
    before.accounts.map((row) => ({ ...row, ...added, routing_position: "", routing_checked_at: null })),
  );
  expect(db.prepare("PRAGMA foreign_key_check").all()).toEqual([]);
  expect(() => db.exec("UPDATE phone_numbers SET region = 'ie1' WHERE id = 'num_1'")).toThrow(/FOREIGN KEY/);
  expect(() => db.exec("DELETE FROM twilio_accounts WHERE api_key_id = 'nxf_1'")).toThrow(/FOREIGN KEY/);
});
