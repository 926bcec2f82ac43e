import type { RequestOptions } from "./client.ts";

/** A method of the client that lists something. */
type List = (input: never, options?: RequestOptions) => Promise<{ limit: number }>;

type Entry<Page> = { [Field in keyof Page]-?: Page[Field] extends (infer Each)[] ? Each : never }[keyof Page];

type AnyPage = Record<string, unknown> & {
  count?: number;
  count_is_minimum?: boolean;
  offset?: number;
  next?: string | null;
};

/** As many as the API gives at once. */
const PAGE = 100;

/**
 * Every entry of a list, read page by page as they are needed.
 *
 * ```ts
 * for await (const call of paginate(nixflex.listCalls, { query: { direction: "inbound" } })) console.log(call.call_id);
 * ```
 */
export async function* paginate<Method extends List>(
  list: Method,
  ...[input, options]: Parameters<Method>
): AsyncGenerator<Entry<Awaited<ReturnType<Method>>>, void, undefined> {
  const read = list as unknown as (input: unknown, options?: RequestOptions) => Promise<AnyPage>;
  const { query, ...rest } = (input ?? {}) as { query?: Record<string, unknown> };
  for (let place: object | undefined = {}; place !== undefined; ) {
    const page = await read({ ...rest, query: { limit: PAGE, ...query, ...place } }, options);
    const entries = (Object.values(page).find(Array.isArray) ?? []) as Entry<Awaited<ReturnType<Method>>>[];
    yield* entries;
    place = following(page, entries.length);
  }
}

/** The query of the next page, if there is one. */
function following(page: AnyPage, length: number): object | undefined {
  const { next, offset = 0, count = 0, count_is_minimum: isMinimum = false } = page;
  if (next) return { after: next };
  const reached = offset + length;
  return length > 0 && (isMinimum || reached < count) ? { offset: reached } : undefined;
}
