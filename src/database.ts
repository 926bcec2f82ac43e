/**
 * A statement that failed in D1. `conflict`: a unique index refused the row. `dangling`: a foreign key refused it.
 * `unavailable`: any other failure; D1 may or may not have committed a write.
 */
export class StorageError extends Error {
  override readonly name = "StorageError";
  readonly failure: "conflict" | "dangling" | "unavailable";

  constructor(failure: StorageError["failure"], cause: unknown) {
    super(`D1: ${failure}`, { cause });
    this.failure = failure;
  }
}

/** The first row, or null. @throws StorageError */
export function first<Row>(statement: D1PreparedStatement): Promise<Row | null> {
  return translate(statement.first<Row>());
}

/** Runs a write. @returns how many rows it changed. @throws StorageError */
export async function run(statement: D1PreparedStatement): Promise<number> {
  return (await translate(statement.run())).meta.changes;
}

/** Runs statements in one round trip and one transaction: all take effect or none. @throws StorageError */
export function batch(db: D1Database, statements: D1PreparedStatement[]): Promise<D1Result[]> {
  return translate(db.batch(statements));
}

async function translate<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw new StorageError(failureOf(cause), cause);
  }
}

// D1 names a failed constraint only in its message, which is SQLite's: https://www.sqlite.org/rescode.html#constraint
function failureOf(cause: unknown): StorageError["failure"] {
  const message = cause instanceof Error ? cause.message : "";
  if (message.includes("UNIQUE constraint failed")) return "conflict";
  if (message.includes("FOREIGN KEY constraint failed")) return "dangling";
  return "unavailable";
}
