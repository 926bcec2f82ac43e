import { ConfigError } from "./config.ts";
import { createLogger, errorFields } from "./http/log.ts";

// An alarm rings until its work succeeds, but six more times at most, within two minutes.
// https://developers.cloudflare.com/durable-objects/api/alarms/
const LAST_RETRY = 6;
const GIVEN_UP_MS = 60_000;
const LATER_MS = 10 * 60_000;

/** Sets the alarm of an object. Never to now: within `alarm()`, such a one may ring after tens of seconds, or never. */
export function armAt(storage: DurableObjectStorage, at: number, options?: DurableObjectSetAlarmOptions) {
  return storage.setAlarm(Math.max(at, Date.now() + 1), options);
}

/** Whether an alarm still rings: the runtime goes on to show the time of one that it has given up. */
export function stillRings(at: number | null): at is number {
  return at !== null && at > Date.now() - GIVEN_UP_MS;
}

/** Does the work of an alarm, which is never given up: a faulty configuration, or the last failure, sets it anew. */
export async function ring(
  storage: DurableObjectStorage,
  object: string,
  info: AlarmInvocationInfo | undefined,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof ConfigError) && (info?.retryCount ?? 0) < LAST_RETRY) throw error;
    createLogger({ object }).error("alarm_postponed", errorFields(error));
    await armAt(storage, Date.now() + LATER_MS);
  }
}
