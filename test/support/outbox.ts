import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { type Config, readConfig } from "../../src/config.ts";
import type { EventOutbox } from "../../src/index.ts";
import { meterRows } from "./objects.ts";

type Stub = DurableObjectStub<EventOutbox>;
const METHODS = ["accept", "report", "reseal", "redeliverFailed", "list"] as const;
type Method = (typeof METHODS)[number];

/** A call to an outbox that goes wrong: before it was carried out, or after, when only its answer is lost. */
export type OutboxFault = { when: "before" | "after"; methods: readonly Method[]; times: number };

let fault: OutboxFault | undefined;
let isHeld = false;
let calls = 0;
const touched = new Map<string, Stub>();

/** From now on calls to outboxes fail like this; or no more do. */
export function breakOutboxes(broken: Partial<OutboxFault> | false = {}): void {
  fault =
    broken === false ? undefined : { when: "before", methods: ["accept", "report"], times: 1e9, ...broken };
}

/** From now on whoever brings an event dies before it makes an attempt; or no more does. */
export function holdDeliveries(held = true): void {
  isHeld = held;
}

function faulty(stub: Stub, name: Method) {
  const method = stub[name] as (...values: unknown[]) => Promise<unknown>;
  return async (...values: unknown[]) => {
    const fails = fault !== undefined && fault.times > 0 && fault.methods.includes(name);
    if (fails && fault) fault.times -= 1;
    if (fails && fault?.when === "before") throw new Error("Network connection lost.");
    const works = await Reflect.apply(method, stub, values);
    if (fails) throw new Error("Network connection lost.");
    return isHeld && name === "accept" ? { ...(works as object), works: [] } : works;
  };
}

/** The outboxes of the tests: real ones, whose calls fail if a test says so. */
export const watchedOutboxes = new Proxy(env.EVENT_OUTBOX, {
  get(namespace, name) {
    if (name !== "getByName") {
      const value = Reflect.get(namespace, name);
      return typeof value === "function" ? value.bind(namespace) : value;
    }
    return (object: string, options: DurableObjectNamespaceGetDurableObjectOptions) => {
      const stub = namespace.getByName(object, options);
      touched.set(object, stub);
      return new Proxy(stub, {
        get: (target, method) => {
          const watched = METHODS.find((name) => name === method);
          const value = watched ? faulty(target, watched) : Reflect.get(target, method);
          if (typeof value !== "function") return value;
          return (...values: unknown[]) => {
            calls += 1;
            return Reflect.apply(value, target, values);
          };
        },
      });
    };
  },
});

/** Empties the outboxes that were used, and mends them. */
export async function startOutboxes(): Promise<void> {
  fault = undefined;
  isHeld = false;
  for (const stub of touched.values()) await stub.erase();
  touched.clear();
}

/** How many requests outboxes had so far. */
export const outboxCalls = (): number => calls;

/** How many rows an outbox writes while something is done, alarms included. */
export async function rowsWritten(work: () => Promise<unknown>): Promise<number> {
  const [stub] = outboxes();
  if (!stub) throw new Error("no outbox was used");
  const rows = await meterRows(stub as never);
  await work();
  return rows();
}

/** The outboxes that were used in this test. */
export const outboxes = (): Stub[] => [...touched.values()];

/** Runs the alarms that are set. @returns how many were */
export async function runAlarms(): Promise<number> {
  let count = 0;
  for (const stub of touched.values()) if (await runDurableObjectAlarm(stub)) count += 1;
  return count;
}

/** Every outbox loses what it has in memory, as when its machine is restarted. */
export async function restartOutboxes(): Promise<void> {
  for (const stub of touched.values()) {
    await stub.endpointsChanged();
    await evictDurableObject(stub);
  }
}

/** What was never attempted is attempted now, by alarm, after a restart. */
export async function deliverHeld(): Promise<void> {
  holdDeliveries(false);
  await restartOutboxes();
  await runAlarms();
}

/** Time passes until every event that waits is due; then the alarms run. */
export async function becomeDue(): Promise<void> {
  await withStorage((sql) =>
    sql.exec("UPDATE events SET next_attempt_at = 1 WHERE next_attempt_at IS NOT NULL"),
  );
  await runAlarms();
}

/** The rows of a table in all outboxes that were used. */
export async function outboxRows<Row = Record<string, unknown>>(table = "events"): Promise<Row[]> {
  const rows: Row[] = [];
  for (const stub of touched.values()) {
    await runInDurableObject(stub, (_, { storage: { sql } }) => {
      const [found] = sql.exec("SELECT 1 FROM sqlite_master WHERE name = ?", table).toArray();
      if (found) rows.push(...(sql.exec(`SELECT * FROM ${table}`).toArray() as Row[]));
    });
  }
  return rows;
}

/** Looks into, or into the disorder of, every outbox that was used. */
export async function withStorage(
  work: (sql: SqlStorage, storage: DurableObjectStorage) => unknown,
): Promise<void> {
  for (const stub of touched.values()) {
    await runInDurableObject(stub, (_, { storage }) => {
      const { sql } = storage;
      const [table] = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'events'").toArray();
      if (table) work(sql, storage);
    });
  }
}

/** While this is done, every outbox has other bindings. */
export async function withBindings(values: Partial<Env>, work: () => Promise<void>): Promise<void> {
  const original = { ...env };
  Object.assign(env, values);
  await restartOutboxes();
  try {
    await work();
  } finally {
    Object.assign(env, original);
    await restartOutboxes();
  }
}

/** While this is done, every outbox has these values in its configuration, which is checked once for all of them. */
export async function withConfig(values: Partial<Config>, work: () => Promise<void>): Promise<void> {
  const [stub] = touched.values();
  if (!stub) throw new Error("no outbox yet");
  const configure = async (changes: Partial<Config>) => {
    let before: Config | undefined;
    await runInDurableObject(stub, (instance) => {
      const config = readConfig((instance as unknown as { env: Env }).env);
      before = { ...config };
      Object.assign(config, changes);
    });
    await restartOutboxes();
    return before ?? {};
  };
  const original = await configure(values);
  try {
    await work();
  } finally {
    await configure(original);
  }
}
