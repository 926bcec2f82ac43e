import { DurableObject } from "cloudflare:workers";
import type { WorkMessage } from "./twilio-accounts/work-message.ts";

/**
 * Does what the queue and the cron trigger start. Cloudflare runs those anywhere; this object stays where LOCATION_HINT
 * says, near D1 and Twilio. It keeps nothing. docs/decisions/0030-work-near-the-database.md
 */
export class Background extends DurableObject<Env> {
  /** @returns false if the message must come again later */
  async work(message: WorkMessage): Promise<boolean> {
    const { work } = await import("./queues.ts");
    return work(message, this.env, this.ctx);
  }

  /** Runs the jobs of a cron trigger. */
  async runJobs(cron: string): Promise<void> {
    const { runSchedule } = await import("./schedule.ts");
    return runSchedule(cron, this.env, this.ctx);
  }
}
