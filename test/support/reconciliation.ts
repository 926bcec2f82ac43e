import { env } from "cloudflare:workers";
import { RECONCILIATION } from "../../src/queues.ts";
import { deliverQueued, runCron } from "./consume.ts";

/** Makes every account due, runs the cron, and delivers its messages to the consumer. */
export async function reconcile(overrides: Partial<Env> = {}): Promise<void> {
  await env.DB.prepare("UPDATE twilio_accounts SET next_check_at = '2020-01-01T00:00:00.000Z'").run();
  await runCron("*/15 * * * *", overrides);
  await deliverQueued(RECONCILIATION, overrides);
}
