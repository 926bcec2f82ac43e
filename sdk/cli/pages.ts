/** As many as the API gives at once. */
const PAGE = 100;

type Page = { limit: number; offset: number };

/** Everything of a list, page by page, or its first `limit`. */
export async function listAll<Entry>(
  read: (page: Page) => Promise<{ entries: Entry[]; count: number }>,
  limit = Number.POSITIVE_INFINITY,
): Promise<Entry[]> {
  const all: Entry[] = [];
  for (let count = 1; all.length < Math.min(count, limit); ) {
    const page = await read({ limit: Math.min(PAGE, limit - all.length), offset: all.length });
    if (page.entries.length === 0) break;
    all.push(...page.entries);
    count = page.count;
  }
  return all;
}
