/** The queries to D1, and their `meta` from D1. */
export type Meter = { trips: number; rowsRead: number; rowsWritten: number };

export const newMeter = (): Meter => ({ trips: 0, rowsRead: 0, rowsWritten: 0 });

/**
 * A D1 that counts its work.
 *
 * @param before awaited ahead of every round trip
 */
export function metered(database: D1Database, meter: Meter, before?: () => Promise<void>): D1Database {
  const originals = new WeakMap<object, D1PreparedStatement>();

  const trip = async (work: () => Promise<D1Result[]>): Promise<D1Result[]> => {
    await before?.();
    meter.trips += 1;
    const results = await work();
    for (const { meta } of results) {
      meter.rowsRead += meta.rows_read;
      meter.rowsWritten += meta.rows_written;
    }
    return results;
  };

  const wrap = (statement: D1PreparedStatement): D1PreparedStatement => {
    const all = async () => (await trip(async () => [await statement.all()]))[0];
    const wrapped = {
      bind: (...values: unknown[]) => wrap(statement.bind(...values)),
      all,
      run: all,
      // The answer of D1's own `first` has no `meta`.
      first: async () => (await all())?.results[0] ?? null,
    } as unknown as D1PreparedStatement;
    originals.set(wrapped, statement);
    return wrapped;
  };

  const DB = {
    prepare: (query: string) => wrap(database.prepare(query)),
    batch: (statements: D1PreparedStatement[]) =>
      trip(() => database.batch(statements.map((statement) => originals.get(statement) ?? statement))),
    withSession: () => DB,
  } as unknown as D1Database;
  return DB;
}
