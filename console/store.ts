import { useEffect, useState } from "preact/hooks";
import { api } from "./api.ts";
import { may } from "./may.ts";
import type { Agent, PhoneNumber, TwilioAccount } from "./types.ts";

export type Loaded<Value> = { value: Value | undefined; error: unknown; isLoading: boolean };

/** What several pages show. It is loaded once, kept in memory only, and gone when the page is loaded anew. */
function createStore<Value>(load: () => Promise<Value>, isAllowed = () => true) {
  let state: Loaded<Value> = { value: undefined, error: undefined, isLoading: false };
  const listeners = new Set<(state: Loaded<Value>) => void>();
  const set = (next: Loaded<Value>) => {
    state = next;
    for (const listener of listeners) listener(next);
  };
  const reload = async (): Promise<void> => {
    if (state.isLoading) return;
    set({ ...state, isLoading: true, error: undefined });
    try {
      set({ value: await load(), error: undefined, isLoading: false });
    } catch (error) {
      set({ ...state, error, isLoading: false });
    }
  };
  return {
    reload,
    use(): Loaded<Value> & { again: () => void } {
      const [seen, see] = useState(state);
      useEffect(() => {
        listeners.add(see);
        see(state);
        if (state.value === undefined && isAllowed()) void reload();
        return () => void listeners.delete(see);
      }, []);
      return { ...seen, again: () => void reload() };
    },
  };
}

export type NumberQuery = NonNullable<NonNullable<Parameters<typeof api.listPhoneNumbers>[0]>["query"]>;

const PAGE = 100;
const AT_ONCE = 4;

/** Every entry of a list, page by page, a few pages at once. */
async function all<Entry>(
  page: (offset: number) => Promise<{ entries: Entry[]; count: number }>,
): Promise<Entry[]> {
  const first = await page(0);
  const pages: Entry[][] = [first.entries];
  for (let start = PAGE; start < first.count; start += PAGE * AT_ONCE) {
    const offsets = Array.from({ length: AT_ONCE }, (_, at) => start + at * PAGE).filter(
      (offset) => offset < first.count,
    );
    pages.push(...(await Promise.all(offsets.map(page))).map(({ entries }) => entries));
  }
  return pages.flat();
}

export const agents = createStore<Agent[]>(() =>
  all(async (offset) => {
    const { agents: entries, count } = await api.listAgents({ query: { limit: PAGE, offset } });
    return { entries, count };
  }),
);

/** The Twilio accounts that are known here; undefined for a session that may not see them. */
export const accounts = createStore<TwilioAccount[]>(
  () =>
    all(async (offset) => {
      const { twilio_accounts, count } = await api.listTwilioAccounts({ query: { limit: PAGE, offset } });
      return { entries: twilio_accounts, count };
    }),
  () => may("read_all"),
);

/** Every number that a filter leaves: for what somebody does with all of them, and not to show them. */
export function allNumbers(query: NumberQuery): Promise<PhoneNumber[]> {
  return all(async (offset) => {
    const { phone_numbers, count } = await api.listPhoneNumbers({ query: { ...query, limit: PAGE, offset } });
    return { entries: phone_numbers, count };
  });
}

/** The name of an agent; its id while the agents are still loading. */
export function nameOf(agentId: string | null, list: readonly Agent[] | undefined): string {
  if (agentId === null) return "nobody";
  return list?.find(({ agent_id }) => agent_id === agentId)?.name ?? agentId;
}
