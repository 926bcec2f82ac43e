import { StorageError } from "../database.ts";
import { errorFields } from "../http/log.ts";
import type { Services } from "../services.ts";
import { VaultError } from "../vault/vault.ts";
import type { Attempt } from "./delivery.ts";
import { openPayload } from "./event.ts";
import type { Report, Work } from "./outbox/work.ts";
import { postEvent } from "./post.ts";
import { signingSecrets } from "./secret.ts";
import { signedHeaders } from "./signature.ts";

// An invocation has six connections at once; an event that waits for one would be taken for one that is not answered.
// https://developers.cloudflare.com/workers/platform/limits/#simultaneous-open-connections
export const MAX_AT_ONCE = 6;

// The runtime grants 30 seconds after an answer, and the last attempt may take ten of them.
const BUDGET_MS = 15_000;

/**
 * Takes in what came of an attempt, and hands out up to `room` others.
 *
 * @param room 0 if no more are taken
 */
type TakeReport = (report: Report, room: number) => Promise<Work[]>;

/**
 * Makes attempts, tells the outbox what came of each, and goes on with what it hands out then. Never throws: what the outbox
 * is not told of, it hands out again.
 */
export async function makeAttempts(
  works: readonly Work[],
  takeReport: TakeReport,
  services: Services,
): Promise<void> {
  const { now, log } = services;
  const until = now().getTime() + BUDGET_MS;
  let busy = works.length;

  async function make(work: Work): Promise<void> {
    try {
      const report = await attempt(work, services);
      const room = now().getTime() < until ? MAX_AT_ONCE - busy + 1 : 0;
      // Taken before the outbox is asked, so that two reports at once do not take the same room.
      busy += Math.max(room, 1) - 1;
      const more = await takeReport(report, Math.max(room, 0)).finally(() => {
        busy -= Math.max(room, 1);
      });
      busy += more.length;
      await Promise.all(more.map(make));
    } catch (error) {
      log.warn("attempt_not_reported", { event_id: work.id, ...errorFields(error) });
    }
  }

  await Promise.all(works.map(make));
}

async function attempt(work: Work, services: Services): Promise<Report> {
  const { seq, id, attemptsLeft, queuedAt, url } = work;
  const attemptedAt = services.now();
  try {
    const result = await send(work, services);
    const durationMs = services.now().getTime() - attemptedAt.getTime();
    return { seq, id, attemptsLeft, queuedAt, url, attempt: { ...result, attemptedAt, durationMs } };
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    services.log.warn("event_postponed", { event_id: work.id, ...errorFields(error) });
    return { seq, id, attemptsLeft, queuedAt, url, attempt: null };
  }
}

/** @throws StorageError */
async function send(work: Work, services: Services): Promise<Pick<Attempt, "httpStatus" | "error">> {
  const { vault, delivery, now, log } = services;
  const { id, url, apiKeyId, payloadSealed, secretSealed, previousSecretSealed } = work;
  let body: string;
  let headers: Record<string, string>;
  try {
    body = await openPayload(vault, id, payloadSealed);
    const stored = { secret_sealed: secretSealed, previous_secret_sealed: previousSecretSealed };
    headers = await signedHeaders(await signingSecrets(apiKeyId, stored, services), id, body, now());
  } catch (error) {
    if (!(error instanceof VaultError)) throw error;
    log.error("event_unreadable", { event_id: id, ...errorFields(error) });
    return { error: "unreadable" };
  }
  const answer = await postEvent(url, body, headers, delivery.timeoutMs);
  if ("error" in answer) return answer;
  const { httpStatus } = answer;
  const isDone = httpStatus >= 200 && httpStatus < 300;
  return isDone ? { httpStatus } : { httpStatus, error: "http_error" };
}
