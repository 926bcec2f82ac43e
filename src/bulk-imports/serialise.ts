import type { Status } from "./job.ts";

/** A bulk import as the API answers it. */
export function serialiseStatus({ job, counts, recent, accountErrors }: Status) {
  const { waiting, ...outcomes } = counts;
  const total = waiting + Object.values(outcomes).reduce((sum, count) => sum + count, 0);
  const perMinute = recent.ms > 0 ? (recent.count * 60_000) / recent.ms : 0;
  return {
    import_id: job.id,
    status: job.status,
    stop_reason: job.stopReason,
    dry_run: job.isDryRun,
    total,
    counts: { ...outcomes, waiting },
    rate_per_minute: Math.round(perMinute),
    seconds_left: secondsLeft(job.endedAt !== null, waiting, perMinute),
    account_errors: accountErrors,
    created_at: iso(job.createdAt),
    started_at: job.startedAt === null ? null : iso(job.startedAt),
    ended_at: job.endedAt === null ? null : iso(job.endedAt),
  };
}

function secondsLeft(hasEnded: boolean, waiting: number, perMinute: number): number | null {
  if (hasEnded) return 0;
  return perMinute > 0 ? Math.ceil((waiting * 60) / perMinute) : null;
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
