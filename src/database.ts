/**
 * A statement D1 did not carry out. `conflict`: a unique index refused the row. `dangling`: a foreign key did.
 * `absent`: a value that must be there is not. `unavailable`: anything else; a write may or may not have been committed.
 */
export class StorageError extends Error {
  override readonly name = "StorageError";
  readonly failure: "conflict" | "dangling" | "absent" | "unavailable";

  constructor(failure: StorageError["failure"], cause: unknown) {
    super(`D1: ${failure}`, { cause });
    this.failure = failure;
  }
}

/** What a statement is prepared with: D1 itself, or a session of it that may read from a replica. */
export type Preparable = Pick<D1Database, "prepare">;

type Value = string | number | null;

/** A part of a statement: the texts between its values. */
export type Part = { texts: readonly string[]; values: readonly Value[] };

/** Puts a part together: other parts become text of it, and everything else is a value that is bound. */
export function part(texts: readonly string[], ...holes: readonly (Value | Part)[]): Part {
  const [first = "", ...others] = texts;
  const values: Value[] = [];
  const all = [first];
  for (const [index, hole] of holes.entries()) {
    const inner = typeof hole === "object" && hole !== null ? hole : { texts: ["", ""], values: [hole] };
    const [head = "", ...tail] = inner.texts;
    values.push(...inner.values);
    all.push(`${all.pop()}${head}`, ...tail);
    all.push(`${all.pop()}${others[index]}`);
  }
  return { texts: all, values };
}

/** A name as a part. Never what a request brings. */
export const raw = (name: string): Part => ({ texts: [name], values: [] });

/** A statement of D1 with its values in their places, as in sql(db)`SELECT 1 FROM api_keys WHERE id = ${id}`. */
export const sql =
  (db: Preparable) =>
  (texts: TemplateStringsArray, ...holes: (Value | Part)[]) => {
    const whole = part(texts, ...holes);
    return db
      .prepare(whole.texts.reduce((text, next, index) => `${text}?${index}${next}`))
      .bind(...whole.values);
  };

/** The same for an object: carries the statement out. */
export const exec =
  <Row extends Record<string, SqlStorageValue>>(storage: SqlStorage) =>
  (...statement: Parameters<typeof part>): SqlStorageCursor<Row> => {
    const { texts, values } = part(...statement);
    return storage.exec<Row>(texts.join("?"), ...values);
  };

// A read may be repeated, so every read is, if D1 only fails in passing. A write is repeated only if the call says that
// it may be: carried out a second time, it changes nothing more, and nobody needs its count.

/** Reads the first row, or null. @throws StorageError */
export function first<Row>(statement: D1PreparedStatement): Promise<Row | null> {
  return repeated(() => statement.first<Row>());
}

/** Reads all rows. @throws StorageError */
export async function all<Row>(statement: D1PreparedStatement): Promise<Row[]> {
  return (await repeated(() => statement.all<Row>())).results;
}

/** Carries out several reads in one round trip. @throws StorageError */
export function readBatch(db: D1Database, reads: D1PreparedStatement[]): Promise<D1Result[]> {
  return repeated(() => db.batch(reads));
}

/** Reads a page, and how many rows there are in all, in one round trip. @throws StorageError */
export async function readPage<Row>(
  db: D1Database,
  page: D1PreparedStatement,
  total: D1PreparedStatement,
): Promise<{ rows: Row[]; count: number }> {
  const [rows, counts] = await readBatch(db, [page, total]);
  const [counted] = (counts?.results ?? []) as { count: number }[];
  return { rows: (rows?.results ?? []) as Row[], count: counted?.count ?? 0 };
}

/** Runs a write and tells how many rows it changed. @throws StorageError */
export async function run(statement: D1PreparedStatement): Promise<number> {
  return (await once(() => statement.run())).meta.changes;
}

/** The same for a write that may be carried out twice. @throws StorageError */
export async function runIdempotent(statement: D1PreparedStatement): Promise<number> {
  return (await repeated(() => statement.run())).meta.changes;
}

/** Runs a write with `RETURNING`: its first row, or null. @throws StorageError */
export async function runReturning<Row>(statement: D1PreparedStatement): Promise<Row | null> {
  return (await once(() => statement.run<Row>())).results[0] ?? null;
}

/** Runs statements in one round trip and one transaction: all take effect or none. @throws StorageError */
export function batch(
  db: D1Database,
  statements: D1PreparedStatement[],
  { isIdempotent = false } = {},
): Promise<D1Result[]> {
  const work = () => db.batch(statements);
  return isIdempotent ? repeated(work) : once(work);
}

const MAX_RETRIES = 2;
// Twice as long for the second retry, and a random part of it, so that what failed together does not come back together.
const FIRST_BACKOFF_MS = 50;

async function repeated<T>(work: () => Promise<T>): Promise<T> {
  for (let retries = 0; retries < MAX_RETRIES; retries += 1) {
    try {
      return await work();
    } catch (cause) {
      if (!isPassing(cause)) throw storageError(cause);
      await scheduler.wait(Math.random() * FIRST_BACKOFF_MS * 2 ** retries);
    }
  }
  return once(work);
}

async function once<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw storageError(cause);
  }
}

// The errors after which Cloudflare says to retry. One that is overloaded is not among them: retries would add to it.
// https://developers.cloudflare.com/d1/observability/debug-d1/#error-list
const PASSING = [
  "Network connection lost",
  "storage caused object to be reset",
  "reset because its code was updated",
  "due to transient issue on remote node",
];

function isPassing(cause: unknown): boolean {
  const message = messageOf(cause);
  return PASSING.some((text) => message.includes(text));
}

// D1 tells a constraint only by its message, which is SQLite's: https://www.sqlite.org/rescode.html#constraint
function storageError(cause: unknown): StorageError {
  const message = messageOf(cause);
  if (message.includes("UNIQUE constraint failed")) return new StorageError("conflict", cause);
  if (message.includes("FOREIGN KEY constraint failed")) return new StorageError("dangling", cause);
  if (message.includes("NOT NULL constraint failed")) return new StorageError("absent", cause);
  return new StorageError("unavailable", cause);
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : "";
}
