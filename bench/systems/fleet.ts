import { sendExpecting } from "../measure/http.ts";
import { atOnce } from "../measure/rounds.ts";
import type { Round } from "../workers/fleet.ts";
import { deployable, small } from "./bundles.ts";
import { createCustomer } from "./systems.ts";
import type { Twilio } from "./twilio.ts";
import { deployed, module, startWorkerd } from "./workerd.ts";

const NAME = "fleet";
const IMPORTS_IN_FLIGHT = 16;

/** One workerd with the Worker and its D1, whose messages are handed out by the bench. */
export async function startFleet(twilio: Twilio) {
  const { options, secrets } = deployed(twilio.url);
  // Messages are handed out by the Worker around it.
  const { queueConsumers: _, ...rest } = options;
  const modules = [module("fleet.js", await small("fleet")), module("index.js", deployable().code)];
  const { miniflare, urls, d1, pid } = await startWorkerd(NAME, { [NAME]: { ...rest, modules } });

  /** The cron, and checkers until none has anything left to do. */
  const round = async (concurrency: number): Promise<Round> =>
    JSON.parse(
      await sendExpecting(200, { method: "GET", url: `${urls[NAME]}/round?concurrency=${concurrency}` }),
    );

  /** Accounts with a number each, in order and due. */
  async function fill(accounts: number): Promise<void> {
    const { importNumber } = await createCustomer(urls[NAME], secrets.ADMIN_TOKEN);
    // Nothing was sealed by an older key. The cron notes that, and then has only the checks to do.
    await round(0);
    await atOnce(Array(accounts).fill(0), IMPORTS_IN_FLIGHT, async () => {
      const account = await twilio.addAccount();
      for (const number of await twilio.addNumbers(account, 1)) await importNumber(account, number);
    });
    // Their hourly check is due, and the weekly one of what else could route their calls is not.
    const now = new Date().toISOString();
    await d1
      .prepare("UPDATE twilio_accounts SET next_check_at = ?1, routing_checked_at = ?1")
      .bind(now)
      .run();
    await twilio.take();
  }

  /** How many accounts this round has not checked yet. */
  const left = async (): Promise<number> =>
    (await d1
      .prepare("SELECT COUNT(*) AS count FROM twilio_accounts WHERE checked_at IS NULL")
      .first("count")) ?? 0;

  return { pid, fill, round, left, close: () => miniflare.dispose() };
}
