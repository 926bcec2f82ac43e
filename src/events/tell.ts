import { batch } from "../database.ts";
import { errorFields } from "../http/log.ts";
import type { Services } from "../services.ts";
import { VaultError } from "../vault/vault.ts";
import { findAddressees } from "./address-store.ts";
import { makeAttempts } from "./courier.ts";
import { copyFor, isOfKey, type SealedEvent } from "./event.ts";
import type { Handed } from "./outbox/client.ts";
import {
  deletePending,
  findPending,
  findPendingOf,
  insertPending,
  listPending,
  type StateTold,
} from "./pending-store.ts";

/**
 * Puts events of one API key into its outbox, and begins to deliver them. They are durable when this returns.
 *
 * @param isForced their owner waits for them: an open circuit does not hold them back
 * @throws StorageError
 */
export async function deliver(
  apiKeyId: string,
  events: readonly SealedEvent[],
  services: Services,
  isForced = false,
): Promise<void> {
  const addressed = (await Promise.all(events.map((event) => address(event, services)))).flat();
  for (const handed of await services.outbox.accept(apiKeyId, addressed, isForced))
    attemptLater(apiKeyId, handed, services);
}

/** An event of a key, for each who gets it. @throws StorageError */
async function address(event: SealedEvent, { db, vault, log }: Services): Promise<SealedEvent[]> {
  if (!isOfKey(event.type)) return [event];
  const agentIds = await findAddressees(db, event);
  if (agentIds.includes(event.agentId)) return [event];
  try {
    return await Promise.all(agentIds.map((agentId) => copyFor(agentId, event, vault)));
  } catch (error) {
    if (!(error instanceof VaultError)) throw error;
    // Its delivery fails, and says so.
    log.error("event_unreadable", { event_id: event.id, ...errorFields(error) });
    return [event];
  }
}

/** Makes attempts that an outbox has handed out, after whatever is waited for now. */
export function attemptLater(apiKeyId: string, { part, works }: Handed, services: Services): void {
  if (works.length === 0) return;
  const report: Parameters<typeof makeAttempts>[1] = (...told) =>
    services.outbox.report(apiKeyId, part, ...told);
  services.defer(makeAttempts(works, report, services));
}

/** API keys of which this isolate has put an event into D1, because their outbox failed, and not yet moved it. */
const behind = new Set<string>();

/**
 * Stores an event in the outbox, or in D1 if the outbox fails: who told us has the answer and does not repeat it. The next one
 * then goes the same way, so that it does not come before it.
 *
 * @param told by whom, if it is not Twilio
 * @throws StorageError if neither takes it
 */
export async function tellNow(
  event: SealedEvent,
  services: Services,
  told: Extract<StateTold, string> = "told_by_twilio",
): Promise<void> {
  const { db, log } = services;
  const { apiKeyId, id: event_id } = event;
  const send = () => deliver(apiKeyId, [event], services);
  const keep = async () => {
    await batch(db, [insertPending(db, event, told)], { isIdempotent: true });
    if (behind.has(apiKeyId)) await relay(apiKeyId, services);
    else behind.add(apiKeyId);
  };
  const [first, second, what] = behind.has(apiKeyId)
    ? ([keep, send, "event_overtakes"] as const)
    : ([send, keep, "event_kept_in_d1"] as const);
  try {
    await first();
  } catch (error) {
    log.warn(what, { event_id, ...errorFields(error) });
    await second();
  }
}

/**
 * Moves what waits in D1 of an API key to its outbox: what was just told, behind what an outbox did not take before. Never
 * throws: the cron tries it again.
 */
export async function relay(apiKeyId: string, services: Services): Promise<void> {
  try {
    const waiting = await findPendingOf(services.db, apiKeyId, EVENTS_AT_ONCE);
    const failed = await move(waiting, services);
    if (failed.length === 0 && waiting.length < EVENTS_AT_ONCE) behind.delete(apiKeyId);
  } catch (error) {
    services.log.warn("events_not_relayed", { key_id: apiKeyId, ...errorFields(error) });
  }
}

/**
 * Moves events to their outboxes, those of each API key in the order in which they happened. Never throws.
 *
 * @returns the API keys whose outbox did not take theirs
 */
async function move(events: readonly SealedEvent[], services: Services): Promise<string[]> {
  const { db, log } = services;
  const failed: string[] = [];
  const taken: SealedEvent[] = [];
  for (const [apiKeyId, own] of Map.groupBy(events, (event) => event.apiKeyId)) {
    try {
      const inOrder = own.toSorted((one, other) => one.createdAt.localeCompare(other.createdAt));
      await deliver(apiKeyId, inOrder, services);
      taken.push(...own);
    } catch (error) {
      failed.push(apiKeyId);
      log.warn("events_not_relayed", { key_id: apiKeyId, count: own.length, ...errorFields(error) });
    }
  }
  if (taken.length > 0)
    await deletePending(db, taken).catch((error: unknown) =>
      log.warn("events_not_relayed", { count: taken.length, ...errorFields(error) }),
    );
  return failed;
}

const EVENTS_AT_ONCE = 100;
const EVENTS_PER_RUN = 5_000;

/** Moves events that still wait in D1, until a time. For the cron. @throws StorageError */
export async function relayPending(services: Services, until: number): Promise<void> {
  const { db, now } = services;
  let waiting = await listPending(db, EVENTS_PER_RUN);
  while (waiting.length > 0 && now().getTime() < until) {
    const failed = await move(await findPending(db, waiting.slice(0, EVENTS_AT_ONCE)), services);
    // What comes later must not come before what failed.
    waiting = waiting.slice(EVENTS_AT_ONCE).filter((event) => !failed.includes(event.apiKeyId));
  }
}
