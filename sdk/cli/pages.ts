import { paginate } from "@nixflex/numbers";

/** As many as the API gives at once. */
const PAGE = 100;

type List = Parameters<typeof paginate>[0];
type Entry<Method extends List> =
  ReturnType<typeof paginate<Method>> extends AsyncGenerator<infer Each> ? Each : never;

/** Everything of a list, page by page, or its first `limit`. */
export async function listAll<Method extends List>(
  list: Method,
  input: Parameters<Method>[0],
  limit = Number.POSITIVE_INFINITY,
) {
  const { query, ...rest } = (input ?? {}) as { query?: object };
  const paged = { ...rest, query: { ...query, limit: Math.min(PAGE, limit) } };
  const all: Entry<Method>[] = [];
  for await (const entry of paginate(list, ...([paged] as unknown as Parameters<Method>))) {
    all.push(entry as Entry<Method>);
    if (all.length >= limit) break;
  }
  return all;
}
