import { env } from "cloudflare:workers";
import { recordedDatabase } from "./statements.ts";

/**
 * A round trip to D1 that fails: before D1 carries it out, or after, so that only the answer is lost. `passing` is an
 * error after which Cloudflare says to retry.
 */
export type D1Fault = { trip: number; when: "before" | "after"; times?: number; passing?: boolean };

type Watch = {
  onFail?: () => void;
  /** What a replica answers instead of the row that the primary has. */
  replica?: (row: unknown) => unknown;
};

// https://developers.cloudflare.com/d1/observability/debug-d1/#error-list
const PASSING = "D1_ERROR: Network connection lost.";
const LASTING = "D1_ERROR: D1 DB is overloaded. Requests queued for too long.";

type Watched = {
  DB: D1Database;
  trips: () => number;
  /** How many of the trips were made in a session, which a replica may serve. */
  sessionTrips: () => number;
};

/**
 * The D1 of the tests. It counts its round trips and can make some of them fail.
 *
 * @param fault `trip` counts from 1; `onFail` is called with each failure
 */
export function watchedDatabase({ replica, onFail, ...fault }: Partial<D1Fault> & Watch = {}): Watched {
  const { trip: firstTrip = Number.POSITIVE_INFINITY, when, times = 1, passing = false } = fault;
  const count = { trips: 0, inSession: 0 };
  const originals = new WeakMap<object, D1PreparedStatement>();

  async function trip<T>(isSession: boolean, work: () => Promise<T>): Promise<T> {
    count.trips += 1;
    if (isSession) count.inSession += 1;
    const fails = count.trips >= firstTrip && count.trips < firstTrip + times;
    const error = new Error(passing ? PASSING : LASTING);
    if (fails) onFail?.();
    if (fails && when === "before") throw error;
    const result = await work();
    if (fails) throw error;
    return result;
  }

  function watch(database: Pick<D1Database, "prepare" | "batch">, isSession: boolean) {
    const seen = <Row>(row: Row) => (isSession && replica ? (replica(row) as Row) : row);
    const wrap = (statement: D1PreparedStatement): D1PreparedStatement => {
      const wrapped = {
        bind: (...values: unknown[]) => wrap(statement.bind(...values)),
        first: () => trip(isSession, async () => seen(await statement.first())),
        run: () => trip(isSession, () => statement.run()),
        all: () => trip(isSession, () => statement.all()),
      } as unknown as D1PreparedStatement;
      originals.set(wrapped, statement);
      return wrapped;
    };
    return {
      prepare: (query: string) => wrap(database.prepare(query)),
      batch: (statements: D1PreparedStatement[]) =>
        trip(isSession, () =>
          database.batch(statements.map((statement) => originals.get(statement) ?? statement)),
        ),
    };
  }

  const DB = {
    ...watch(recordedDatabase, false),
    withSession: (constraint: string) => watch(recordedDatabase.withSession(constraint), true),
  } as unknown as D1Database;
  return { DB, trips: () => count.trips, sessionTrips: () => count.inSession };
}

/** A D1 with which something happens meanwhile: before each batch, once such a statement was prepared. */
export function databaseBefore(statement: string, happens: () => Promise<unknown>): D1Database {
  let isPrepared = false;
  return {
    prepare: (query: string) => {
      isPrepared ||= query.includes(statement);
      return env.DB.prepare(query);
    },
    batch: async (statements: D1PreparedStatement[]) => {
      if (isPrepared) await happens();
      return env.DB.batch(statements);
    },
  } as unknown as D1Database;
}

/** A D1 that does not answer, and will not for a while. */
export const brokenDatabase = {
  prepare: () => brokenStatement,
  batch: () => Promise.reject(new Error(LASTING)),
  withSession: () => brokenDatabase,
} as unknown as D1Database;

const brokenStatement = {
  bind: () => brokenStatement,
  first: () => Promise.reject(new Error(LASTING)),
  run: () => Promise.reject(new Error(LASTING)),
  all: () => Promise.reject(new Error(LASTING)),
} as unknown as D1PreparedStatement;

let isClear = false;

// A test, the Worker and its objects share one isolate, and so what D1 is reached by.
const prototype = Object.getPrototypeOf(env.DB) as D1Database;
const { prepare, withSession, exec } = prototype;
Object.assign(prototype, {
  prepare(this: D1Database, query: string) {
    isClear &&= /^\s*(?:SELECT|EXPLAIN)\b/.test(query);
    return prepare.call(this, query);
  },
  withSession(this: D1Database, ...values: Parameters<typeof withSession>) {
    isClear = false;
    return withSession.apply(this, values);
  },
  exec(this: D1Database, query: string) {
    isClear = false;
    return exec.call(this, query);
  },
});

/** Empties every table, unless nobody has written since the last time. */
export async function clearDatabase(): Promise<void> {
  if (isClear) return;
  await env.DB.batch(
    [
      "reseal_progress",
      "idempotency_keys",
      "key_creations",
      "pending_events",
      "webhook_secrets",
      "phone_number_imports",
      "connect_links",
      "phone_numbers",
      "released_numbers",
      "twilio_accounts",
      "agents",
      "key_secrets",
      "api_keys",
      "deployment",
    ].map((table) => env.DB.prepare(`DELETE FROM ${table}`)),
  );
  isClear = true;
}
