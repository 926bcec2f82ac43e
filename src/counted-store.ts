import { exec, raw } from "./database.ts";

/** How many rows there are up to a place. */
type Counted = { upTo: number; count: number };

const COUNTED = "counted";
const NONE: Counted = { upTo: 0, count: 0 };
/** Writing one row costs as much as reading so many. */
const STEP = 1_000;

/** How many rows a table of an object has, whose new rows come behind all others. What was counted is not read again. */
export function countRows({ sql, kv }: DurableObjectStorage, table: "calls" | "events"): number {
  const known = kv.get<Counted>(COUNTED) ?? NONE;
  const { more, last } = exec<{ more: number; last: number | null }>(sql)`
    SELECT COUNT(*) AS more, MAX(seq) AS last FROM ${raw(table)} WHERE seq > ${known.upTo}`.one();
  const count = known.count + more;
  if (last !== null && more > STEP) kv.put(COUNTED, { upTo: last, count });
  return count;
}

/** These rows are deleted. */
export function uncount({ kv }: DurableObjectStorage, seqs: readonly number[]): void {
  const known = kv.get<Counted>(COUNTED);
  if (!known) return;
  const gone = seqs.filter((seq) => seq <= known.upTo).length;
  // Without the last one that was counted, a new row might come before it.
  if (seqs.includes(known.upTo)) kv.delete(COUNTED);
  else if (gone > 0) kv.put(COUNTED, { ...known, count: known.count - gone });
}

/** All rows are. */
export const forgetCount = ({ kv }: DurableObjectStorage): boolean => kv.delete(COUNTED);
