import { ConfigError } from "./config.ts";
import type { Conversation } from "./conversations/conversation.ts";
import { StorageError } from "./database.ts";
import { createLogger, errorFields } from "./http/log.ts";
import type { Vault } from "./vault/vault.ts";

/**
 * Calls a Durable Object. After a failure it asks once more, because the answer may have been lost; by a fresh stub,
 * because a stub that has failed once may go on failing. An overloaded object is not asked again.
 * https://developers.cloudflare.com/durable-objects/best-practices/error-handling/
 *
 * @param open makes a stub
 * @param isRepeatable whether the method does the same if it is called twice
 * @throws StorageError
 */
export async function callObject<Stub, T>(
  open: () => Stub,
  method: (object: Stub) => Promise<T>,
  isRepeatable = true,
): Promise<T> {
  try {
    return await method(open()).catch((error: unknown) => {
      if (!isRepeatable || isOverloaded(error)) throw error;
      return method(open());
    });
  } catch (error) {
    throw new StorageError("unavailable", error);
  }
}

function isOverloaded(error: unknown): boolean {
  return error instanceof Error && "overloaded" in error && error.overloaded === true;
}

/** The object of a call. The name is keyed, so it reveals neither the number nor the call. */
export async function conversationOf(
  { conversations, vault }: { conversations: DurableObjectNamespace<Conversation>; vault: Vault },
  phoneNumberId: string,
  callSid: string,
): Promise<DurableObjectStub<Conversation>> {
  return conversations.getByName(await vault.fingerprint(`conversation/${phoneNumberId}/${callSid}`));
}

/** Whether this object has tables. Asking makes none. */
export function hasTables(sql: SqlStorage): boolean {
  return sql.exec("SELECT 1 FROM sqlite_master WHERE name = ?", "tables_version").toArray().length > 0;
}

/**
 * Makes the tables of an object, or brings them up to date.
 *
 * @param versions the statements of each version. From 1.0.0 on entries are only ever added, and an entry only adds.
 */
export function keepTables(sql: SqlStorage, versions: readonly string[]): void {
  const isNew = !hasTables(sql);
  const version = isNew
    ? 0
    : sql.exec<{ version: number }>("SELECT version FROM tables_version").one().version;
  if (version === versions.length) return;
  for (const statements of versions.slice(version)) sql.exec(statements);
  if (isNew) sql.exec("CREATE TABLE tables_version (version INTEGER NOT NULL) STRICT");
  const write = isNew ? "INSERT INTO tables_version VALUES (?)" : "UPDATE tables_version SET version = ?";
  sql.exec(write, versions.length);
}

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
