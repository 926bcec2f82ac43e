import { setTimeout as pause } from "node:timers/promises";
import { sendExpecting } from "../measure/http.ts";
import { alternate, atOnce } from "../measure/rounds.ts";
import type { Options } from "../options.ts";
import { row, type SectionReport } from "../report.ts";
import { createCustomer, startSystems } from "../systems/systems.ts";

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

  const { bearer, agent_id, post } = await createCustomer(urls.worker, secrets.ADMIN_TOKEN);

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
    const { import_id } = await post(202, "phone-number-imports", {
      all: true,
      include_subaccounts: true,
      twilio_sid: parent.sid,
      twilio_token: parent.authToken,
      agent_id,
    });
    for (;;) {
      const headers = { authorization: `Bearer ${bearer}` };
      const url = `${urls.worker}/v1/phone-number-imports/${import_id}`;
      const { ended_at, counts } = JSON.parse(await sendExpecting(200, { method: "GET", url, headers }));
      if (ended_at === null) {
        await pause(POLL_MS);
        continue;
      }
      failures.push(count - counts.imported);
      return (performance.now() - startedAt) / count;
    }
  };
  const allowed = async () => {
    const { accounts, numbers } = await haveAccounts();
    // One of each account after the other, so that two of each are under way.
    const all = accounts.flatMap((account, of) =>
      (numbers[of] ?? []).map((number, index) => ({ account, number, index })),
    );
    const inTurn = all.sort((a, b) => a.index - b.index);
    return (await atOnce(inTurn, AT_ONCE, ({ account, number }) => floor(account, number))) / count;
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
