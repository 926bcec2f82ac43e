import { MAX_COUNTED } from "./http/counted.ts";
import type { Page } from "./http/page.ts";

// Lists that lie in several parts, as one. No I/O here.

/** A list of one part, newest first. */
export type List<Row> = {
  /** @param upTo of a list with a filter so many rows are counted; {@link MAX_COUNTED} and one without it */
  list: (page: Page, upTo?: number) => Promise<{ rows: Row[]; count: number }>;
  /** The places of the rows at two offsets; null: there are fewer. */
  placesAt: (offsets: number[]) => Promise<(number | null)[]>;
  /** How many rows are before a place. */
  countBefore: (seq: number) => Promise<number>;
};

/** No part sends more rows than it takes to skip so many. */
const MAX_SKIPPED = 100;

/** What one of so many parts has of the first rows, and hardly ever more: they are chosen by a hash. */
const shareOf = (rows: number, parts: number) => Math.ceil(rows / parts + 3 * Math.sqrt(rows / parts));

/** A page of all lists together, and how many rows there are in all. Reads of each about its share. */
export async function mergePage<Row extends { seq: number }>(
  lists: readonly List<Row>[],
  { limit, offset }: Page,
): Promise<{ rows: Row[]; count: number }> {
  const [only] = lists;
  if (lists.length === 1 && only) return only.list({ limit, offset });
  let from = lists.map(() => 0);
  let skip = offset;
  let open = lists.length;
  // A page begins at about the same offset in each of them.
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
    // What has come since is before that place, too.
    skip = Math.max(0, offset - from.reduce((sum, count) => sum + count, 0));
  }
  const wanted = skip + limit;
  const share = Math.min(wanted, shareOf(wanted, open));
  const upTo = shareOf(MAX_COUNTED + 1, lists.length);
  const first = await Promise.all(
    lists.map((list, index) => list.list({ limit: share, offset: at(from, index) }, upTo)),
  );
  const last = merged(first)[wanted - 1]?.seq ?? 0;
  const isCounted = countOf(first) > MAX_COUNTED;
  // Whoever may have more of the page, or of what is counted, is asked for all of it.
  const pages = await Promise.all(
    lists.map((list, index) => {
      const page = first[index] as Answer<Row>;
      const isUsedUp = page.rows.length === share && share < wanted && (page.rows.at(-1)?.seq ?? 0) >= last;
      if (!isUsedUp && (page.count !== upTo || isCounted)) return page;
      return list.list({ limit: wanted, offset: at(from, index) });
    }),
  );
  return { rows: merged(pages).slice(skip, wanted), count: countOf(pages) };
}

type Answer<Row> = { rows: Row[]; count: number };

const merged = <Row extends { seq: number }>(pages: readonly Answer<Row>[]): Row[] =>
  pages.flatMap(({ rows }) => rows).toSorted((one, other) => other.seq - one.seq);

const countOf = (pages: readonly Answer<unknown>[]): number =>
  pages.reduce((sum, { count }) => sum + count, 0);

const at = (offsets: readonly number[], index: number): number => offsets[index] ?? 0;
