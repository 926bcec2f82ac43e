import type { Config } from "./config.ts";
import { StorageError } from "./database.ts";
import { sha256 } from "./vault/hash.ts";
import { createIds } from "./vault/ids.ts";

export type Objects = ReturnType<typeof createObjects>;

/**
 * Names and places all Durable Objects: where one lives is decided by its first caller, and for good. No name depends on a
 * key that is rotated. An API key's id is 128 random bits, so a plain hash of it tells nobody anything; what can be guessed
 * is named by ID_SECRET.
 */
export function createObjects(env: Env, { jurisdiction, locationHint, idSecret }: Config) {
  const { nameOf } = createIds(idSecret);
  const open = <T extends Rpc.DurableObjectBranded>(namespace: DurableObjectNamespace<T>, name: string) =>
    (jurisdiction === null ? namespace : namespace.jurisdiction(jurisdiction)).getByName(name, {
      locationHint,
    });
  return {
    /** @param part see parts.ts */
    outbox: async (apiKeyId: string, part = 0) =>
      open(env.EVENT_OUTBOX, await sha256(`event-outbox/${apiKeyId}${suffix(part)}`)),
    callLog: async (apiKeyId: string, part = 0) =>
      open(env.CALL_LOG, await sha256(`call-log/${apiKeyId}${suffix(part)}`)),
    /** Twilio's limit is that of the account, whoever uses it. */
    accountPace: async (accountSid: string, region: string) =>
      open(env.ACCOUNT_PACE, await sha256(`account-pace/${accountSid}/${region}`)),
    conversation: async (phoneNumberId: string, callSid: string) =>
      open(env.CONVERSATIONS, await nameOf(`conversation/${phoneNumberId}/${callSid}`)),
    textThread: async (phoneNumberId: string, correspondent: string) =>
      open(env.TEXT_THREADS, await nameOf(`text-thread/${phoneNumberId}/${correspondent}`)),
    /** There may be as many as there are checkers; any does any work. */
    background: (name: string | number) => open(env.BACKGROUND, `background-${name}`),
    bulkImport: (id: string) => open(env.BULK_IMPORTS, id),
    bulkLane: (id: string, lane: number) => open(env.BULK_IMPORTS, `${id}/lane-${lane}`),
  };
}

const suffix = (part: number) => (part === 0 ? "" : `/${part}`);

/**
 * Calls a Durable Object. After a failure it asks once more, because the answer may have been lost; by a fresh stub,
 * because a stub that has failed once may go on failing. An overloaded object is not asked again.
 * https://developers.cloudflare.com/durable-objects/best-practices/error-handling/
 *
 * @param open makes a stub; see {@link createObjects}
 * @param isRepeatable whether the method does the same if it is called twice
 * @throws StorageError
 */
export async function callObject<Stub, T>(
  open: () => Stub | Promise<Stub>,
  method: (object: Stub) => Promise<T>,
  isRepeatable = true,
): Promise<T> {
  try {
    const first = await open();
    return await method(first).catch(async (error: unknown) => {
      if (!isRepeatable || isOverloaded(error)) throw error;
      return method(await open());
    });
  } catch (error) {
    throw new StorageError("unavailable", error);
  }
}

function isOverloaded(error: unknown): boolean {
  return error instanceof Error && "overloaded" in error && error.overloaded === true;
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
