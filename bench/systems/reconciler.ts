import { setTimeout as pause } from "node:timers/promises";
import type { HeapProbe } from "../measure/heap.ts";
import { sendExpecting } from "../measure/http.ts";
import { atOnce } from "../measure/rounds.ts";
import type { Progress } from "../workers/reconciling.ts";
import { deployable, small } from "./bundles.ts";
import { createCustomer } from "./systems.ts";
import type { Twilio } from "./twilio.ts";
import { deployed, module, PUBLIC_BASE_URL, startWorkerd } from "./workerd.ts";

const CRON = "*/15 * * * *";
const NAME = "reconciling";
const IMPORTS_IN_FLIGHT = 8;
// A bound value may be 2 MB; a row is some 1.5 KB.
const ROWS_AT_ONCE = 500;

/**
 * One workerd with the Worker, its D1 and its queue of reconciliation.
 *
 * @param probe looks at the consumer's heap, cleared of garbage, before each round trip to D1
 */
export async function startReconciler(twilio: Twilio, probe?: HeapProbe) {
  const { options, secrets } = deployed(twilio.url);
  const queue = options.queueProducers.RECONCILIATION ?? "";
  process.env.MINIFLARE_WORKERD_V8_FLAGS = probe ? "--expose-gc" : "";
  const worker = {
    ...options,
    bindings: { ...options.bindings, ...(probe && { HEAP_PROBE: probe.url }) },
    // Events are put on their queue and delivered by nobody: that is not what is measured.
    queueConsumers: { [queue]: options.queueConsumers[queue] ?? {} },
    modules: [
      module("reconciling.js", await small("reconciling")),
      module("index.js", deployable("src/index.ts").code),
    ],
  };
  const { miniflare, urls, d1, pid } = await startWorkerd(NAME, { [NAME]: worker }, { inspectorPort: 0 });
  await probe?.watch(new URL(`/core:user:${NAME}`, await miniflare.getInspectorURL()));
  const importNumber = await createCustomer(urls[NAME], secrets.ADMIN_TOKEN);

  /** Runs the cron, and waits until the consumer has done all messages, those of the checkers to themselves too. */
  async function run(): Promise<Progress> {
    const { scheduled } = await miniflare.getWorker(NAME);
    const { outcome } = await scheduled({ cron: CRON });
    if (outcome !== "ok") throw new Error(`the cron ended with ${outcome}`);
    for (;;) {
      const body = await sendExpecting(200, { method: "GET", url: `${urls[NAME]}/progress` });
      const progress: Progress = JSON.parse(body);
      if (progress.done >= progress.sent) return progress;
      await pause(20);
    }
  }

  /** New accounts full of imported numbers: one is imported, and the others get copies of its row. All are due. */
  async function fill(accounts: number, numbersEach: number): Promise<void> {
    // Nothing was sealed by an older key. The cron notes that, and then has only the checks to do.
    await run();
    await atOnce(Array.from({ length: accounts }), IMPORTS_IN_FLIGHT, async () => {
      const account = await twilio.addAccount();
      for (const number of await twilio.addNumbers(account, 1)) await importNumber(account, number);
      const imported = "SELECT * FROM phone_numbers WHERE account_sid = ?1";
      const row = await d1.prepare(imported).bind(account.sid).first();
      const others = await twilio.addImported(account, numbersEach - 1, PUBLIC_BASE_URL);
      await insert(others.map((other) => ({ ...row, ...other })));
    });
    await d1.batch([
      d1.prepare("UPDATE twilio_accounts SET next_check_at = created_at"),
      d1.prepare("UPDATE agents SET webhook_url = 'https://customer.example.com/events'"),
    ]);
    await twilio.take();
  }

  async function insert(rows: object[]): Promise<void> {
    const columns = Object.keys(rows[0] ?? {});
    const values = columns.map((column) => `value ->> '${column}'`);
    const into = `INSERT INTO phone_numbers (${columns}) SELECT ${values} FROM json_each(?1)`;
    for (let start = 0; start < rows.length; start += ROWS_AT_ONCE) {
      const some = JSON.stringify(rows.slice(start, start + ROWS_AT_ONCE));
      await d1.prepare(into).bind(some).run();
    }
  }

  return { d1, pid, fill, run, close: () => miniflare.dispose() };
}
