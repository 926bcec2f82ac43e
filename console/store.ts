import { useEffect, useState } from "preact/hooks";
import { api } from "./api.ts";
import type { Agent, PhoneNumber } from "./types.ts";

export type Loaded<Value> = { value: Value | undefined; error: unknown; isLoading: boolean };

/** What several pages show. It is loaded once, kept in memory only, and gone when the page is. */
function createStore<Value>(load: (show: (part: Value) => void) => Promise<Value>) {
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
      const isFirst = state.value === undefined;
      const value = await load((part) => isFirst && set({ value: part, error: undefined, isLoading: true }));
      set({ value, error: undefined, isLoading: false });
    } catch (error) {
      set({ ...state, error, isLoading: false });
    }
  };
  return {
    reload,
    change: (change: (value: Value) => Value) =>
      state.value !== undefined && set({ ...state, value: change(state.value) }),
    use(): Loaded<Value> {
      const [seen, see] = useState(state);
      useEffect(() => {
        listeners.add(see);
        see(state);
        if (state.value === undefined) void reload();
        return () => void listeners.delete(see);
      }, []);
      return seen;
    },
  };
}

const PAGE = 100;
const AT_ONCE = 4;

/** Every entry of a list, page by page, a few pages at once. */
async function all<Entry>(
  page: (offset: number) => Promise<{ entries: Entry[]; count: number }>,
  show: (part: Entry[]) => void,
): Promise<Entry[]> {
  const first = await page(0);
  const pages: Entry[][] = [first.entries];
  show(first.entries);
  for (let start = PAGE; start < first.count; start += PAGE * AT_ONCE) {
    const offsets = Array.from({ length: AT_ONCE }, (_, at) => start + at * PAGE).filter(
      (offset) => offset < first.count,
    );
    pages.push(...(await Promise.all(offsets.map(page))).map(({ entries }) => entries));
    show(pages.flat());
  }
  return pages.flat();
}

export const numbers = createStore<PhoneNumber[]>((show) =>
  all(async (offset) => {
    const { phone_numbers, count } = await api.listPhoneNumbers({ query: { limit: PAGE, offset } });
    return { entries: phone_numbers, count };
  }, show),
);

export const agents = createStore<Agent[]>((show) =>
  all(async (offset) => {
    const { agents: entries, count } = await api.listAgents({ query: { limit: PAGE, offset } });
    return { entries, count };
  }, show),
);

/** Puts one number's new state into the list. */
export function keepNumber(entry: PhoneNumber): void {
  numbers.change((list) => list.map((old) => (old.phone_number === entry.phone_number ? entry : old)));
}

export function dropNumber(phoneNumber: string): void {
  numbers.change((list) => list.filter(({ phone_number }) => phone_number !== phoneNumber));
}

/** The name of an agent; its id while the agents are still loading. */
export function nameOf(agentId: string | null, list: readonly Agent[] | undefined): string {
  if (agentId === null) return "nobody";
  return list?.find(({ agent_id }) => agent_id === agentId)?.name ?? agentId;
}
