import { postOf, sendExpecting } from "../measure/http.ts";
import { alternate, atOnce } from "../measure/rounds.ts";
import type { Options } from "../options.ts";
import { row, type SectionReport } from "../report.ts";
import { startSystems } from "../systems/systems.ts";

const ACCOUNTS = 12;
const NUMBERS_EACH = 60;
/** Two of each account. */
const AT_ONCE = 2 * ACCOUNTS;
/** How long Twilio takes for a request. */
const LATENCY_MS = 200;
const POLL_MS = 50;

/** A bulk import over a parent account and its subaccounts, against what two numbers of each account at once allow. */
export async function measureJob({ rounds }: Options): Promise<SectionReport> {
  const count = ACCOUNTS * NUMBERS_EACH;
  const systems = await startSystems();
  const { twilio, floor, urls, secrets } = systems;
  await twilio.setLatency(LATENCY_MS);

  const url = `${urls.worker}/v1/`;
  const post = async (status: number, path: string, bearer: string, body: object) =>
    JSON.parse(await sendExpecting(status, postOf(url + path, body, { authorization: `Bearer ${bearer}` })));
  const { key_id, key_secret } = await post(201, "keys", secrets.ADMIN_TOKEN, { name: "bench" });
  const bearer = `${key_id}:${key_secret}`;
  const { agent_id } = await post(201, "agents", bearer, { name: "Receptionist" });

  const haveAccounts = async () => {
    const parent = await twilio.addAccount();
    const accounts = [parent];
    while (accounts.length < ACCOUNTS) accounts.push(await twilio.addAccount({ ownerSid: parent.sid }));
    const numbers = await Promise.all(accounts.map((account) => twilio.addNumbers(account, NUMBERS_EACH)));
    return { parent, accounts, numbers };
  };

  const failures: number[] = [];
  const job = async () => {
    const { parent } = await haveAccounts();
    const startedAt = performance.now();
    const { import_id } = await post(202, "phone-number-imports", bearer, {
      all: true,
      include_subaccounts: true,
      twilio_sid: parent.sid,
      twilio_token: parent.authToken,
      agent_id,
    });
    for (;;) {
      const headers = { authorization: `Bearer ${bearer}` };
      const response = await fetch(`${url}phone-number-imports/${import_id}`, { headers });
      const { ended_at, counts } = (await response.json()) as {
        ended_at: string | null;
        counts: { imported: number };
      };
      if (ended_at === null) {
        await new Promise((done) => setTimeout(done, POLL_MS));
        continue;
      }
      failures.push(count - counts.imported);
      return (performance.now() - startedAt) / count;
    }
  };
  const allowed = async () => {
    const { accounts, numbers } = await haveAccounts();
    // One of each account after the other, so that two of each are under way.
    const inTurn = Array.from({ length: count }, (_, index) => index);
    const took = await atOnce(inTurn, AT_ONCE, (index) => {
      const account = accounts[index % ACCOUNTS];
      const number = numbers[index % ACCOUNTS]?.[Math.floor(index / ACCOUNTS)];
      if (!account || !number) throw new Error("no such number");
      return floor(account, number);
    });
    return took / count;
  };
  const measured = await alternate(rounds, { floor: allowed, worker: job });
  await systems.close();

  const name = `each of ${count} numbers of a bulk import over ${ACCOUNTS} accounts`;
  const failed = failures.reduce((sum, one) => sum + one, 0);
  return {
    title: "Bulk import",
    rows: [row(name, "ms", measured.worker, "what two at once of each allow", measured.floor, 1.2)],
    notes: [`${failed} of ${count * rounds} imports failed.`],
  };
}
