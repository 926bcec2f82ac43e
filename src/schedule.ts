import { readConfig } from "./config.ts";
import { measureDatabase } from "./database-size.ts";
import { relayPending } from "./events/tell.ts";
import { createLogger, errorFields } from "./http/log.ts";
import { scheduleRecovery } from "./phone-numbers/recovery/recover.ts";
import { scheduleChecks } from "./reconciliation/schedule.ts";
import { clearOldRecords } from "./retention.ts";
import { resealObjects } from "./rotation/objects.ts";
import { resealOldest } from "./rotation/reseal.ts";
import { createServices, type Services } from "./services.ts";

/** `until`: when its share of the run's time is over. What is left is for the next run. */
type Job = { name: string; run: (services: Services, until: number) => Promise<void> };

// The cron comes again after 15 minutes, which is also how long an invocation may last.
const TIME_PER_JOB_MS = 2 * 60 * 1000;

/**
 * The jobs of each cron trigger of wrangler.toml. A test fails if this list and wrangler.toml differ.
 *
 * @internal
 */
export const schedule: Readonly<Record<string, readonly Job[]>> = {
  "*/15 * * * *": [
    { name: "relay_pending_events", run: relayPending },
    { name: "recover", run: scheduleRecovery },
    { name: "schedule_checks", run: scheduleChecks },
    { name: "reseal", run: resealOldest },
    { name: "reseal_objects", run: resealObjects },
    { name: "clear_old_records", run: clearOldRecords },
    { name: "measure_database", run: measureDatabase },
  ],
};

/**
 * Runs the jobs of a cron trigger. If one job fails, the others still run.
 *
 * @throws Error if the trigger is not in the schedule, or if a job failed: Cloudflare then shows the failure
 */
export async function runSchedule(
  cron: string,
  env: Env,
  context: Pick<ExecutionContext, "waitUntil">,
): Promise<void> {
  // The line that `wrangler dev` prints for a try names no trigger.
  const jobs = Object.entries(schedule).find(([trigger]) => cron === "" || cron === trigger)?.[1];
  if (!jobs)
    throw new Error(`no job for the cron trigger "${cron}"; src/schedule.ts and wrangler.toml disagree`);
  const config = readConfig(env);
  const failed: string[] = [];
  for (const { name, run } of jobs) {
    const log = createLogger({ job: name });
    try {
      const services = createServices(env, config, log, (work) => context.waitUntil(work));
      await run(services, services.now().getTime() + TIME_PER_JOB_MS);
    } catch (error) {
      log.error("job_failed", errorFields(error));
      failed.push(name);
    }
  }
  if (failed.length > 0) throw new Error(`failed: ${failed.join(", ")}`);
}
