/** As many as the API gives at once. */
const PAGE = 100;

type Page = { limit: number; offset: number };

/** Everything of a list, page by page, or its first `limit`. */
export async function listAll<Entry>(
  read: (page: Page) => Promise<Entry[]>,
  limit = Number.POSITIVE_INFINITY,
): Promise<Entry[]> {
  const all: Entry[] = [];
  while (all.length < limit) {
    const asked = Math.min(PAGE, limit - all.length);
    // Not by `count`, which may be a minimum.
    const entries = await read({ limit: asked, offset: all.length });
    all.push(...entries);
    if (entries.length < asked) break;
  }
  return all;
}
