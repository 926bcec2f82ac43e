import type { Page } from "./http/page.ts";

// Lists that lie in several parts, as one. No I/O here.

/** A list of one part, newest first. */
export type List<Row> = {
  list: (page: Page) => Promise<{ rows: Row[]; count: number }>;
  /** The places of the rows at two offsets; null: there are fewer. */
  placesAt: (offsets: number[]) => Promise<(number | null)[]>;
  /** How many rows are before a place. */
  countBefore: (seq: number) => Promise<number>;
};

/** No part sends more rows than it takes to skip so many. */
const MAX_SKIPPED = 100;

/** A page of all lists together, and how many rows there are in all. Reads of each about its share of what is skipped. */
export async function mergePage<Row extends { seq: number }>(
  lists: readonly List<Row>[],
  { limit, offset }: Page,
): Promise<{ rows: Row[]; count: number }> {
  const [only] = lists;
  if (lists.length === 1 && only) return only.list({ limit, offset });
  let from = lists.map(() => 0);
  let skip = offset;
  let open = lists.length;
  // The parts are chosen by a hash, so a page begins at about the same offset in each of them.
  while (skip > Math.max(open, MAX_SKIPPED)) {
    const step = Math.floor(skip / open);
    const places = await Promise.all(
      lists.map((list, index) => list.placesAt([at(from, index), at(from, index) + step])),
    );
    const ahead = places.flatMap((of) => of[1] ?? []);
    const stillOpen = places.filter((of) => of[0] !== null).length;
    if (stillOpen < open && stillOpen > 0) {
      open = stillOpen;
      continue;
    }
    if (ahead.length === 0) {
      // There are fewer rows than are skipped.
      from = from.map((start) => start + step);
      break;
    }
    from = await Promise.all(lists.map((list) => list.countBefore(Math.max(...ahead))));
    skip = offset - from.reduce((sum, count) => sum + count, 0);
  }
  const pages = await Promise.all(
    lists.map((list, index) => list.list({ limit: skip + limit, offset: at(from, index) })),
  );
  const rows = pages.flatMap((page) => page.rows).toSorted((one, other) => other.seq - one.seq);
  return {
    rows: rows.slice(skip, skip + limit),
    count: pages.reduce((sum, page) => sum + page.count, 0),
  };
}

const at = (offsets: readonly number[], index: number): number => offsets[index] ?? 0;
