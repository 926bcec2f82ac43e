import type { Conversation } from "./conversations/conversation.ts";
import { StorageError } from "./database.ts";
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
