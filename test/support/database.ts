import { env } from "cloudflare:workers";
import { recordedDatabase } from "./statements.ts";

/** A round trip to D1 that goes wrong: before it was carried out, or after, when only its answer is lost. */
export type D1Fault = { trip: number; when: "before" | "after"; times?: number };

type Watch = { onFail?: () => void };

/**
 * The D1 of the tests, with its round trips counted and, if wanted, one or more of them failing.
 *
 * @param fault `trip` counts from 1; `onFail` is called with each failure
 */
export function watchedDatabase(fault?: D1Fault & Watch): { DB: D1Database; trips: () => number } {
  let trips = 0;
  const originals = new WeakMap<object, D1PreparedStatement>();

  async function trip<T>(work: () => Promise<T>): Promise<T> {
    trips += 1;
    const fails = fault && trips >= fault.trip && trips < fault.trip + (fault.times ?? 1);
    if (fails) fault.onFail?.();
    if (fails && fault.when === "before") throw new Error("D1_ERROR: Network connection lost.");
    const result = await work();
    if (fails) throw new Error("D1_ERROR: Network connection lost.");
    return result;
  }

  function wrap(statement: D1PreparedStatement): D1PreparedStatement {
    const wrapped = {
      bind: (...values: unknown[]) => wrap(statement.bind(...values)),
      first: () => trip(() => statement.first()),
      run: () => trip(() => statement.run()),
      all: () => trip(() => statement.all()),
      raw: () => trip(() => statement.raw()),
    } as unknown as D1PreparedStatement;
    originals.set(wrapped, statement);
    return wrapped;
  }

  const DB = {
    prepare: (query: string) => wrap(recordedDatabase.prepare(query)),
    batch: (statements: D1PreparedStatement[]) =>
      trip(() =>
        recordedDatabase.batch(statements.map((statement) => originals.get(statement) ?? statement)),
      ),
    exec: (query: string) => trip(() => recordedDatabase.exec(query)),
  } as unknown as D1Database;

  return { DB, trips: () => trips };
}

/** Empties every table. */
export async function clearDatabase(): Promise<void> {
  await env.DB.batch(
    [
      "reseal_progress",
      "idempotency_keys",
      "key_creations",
      "event_attempts",
      "events",
      "pending_events",
      "twilio_receipts",
      "webhook_secrets",
      "phone_numbers",
      "twilio_accounts",
      "agents",
      "api_keys",
    ].map((table) => env.DB.prepare(`DELETE FROM ${table}`)),
  );
}
