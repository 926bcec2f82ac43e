import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { Loaded } from "./store.ts";

/** Loads what one page shows. `again` loads it once more; an answer that comes too late is dropped. */
export function useLoaded<Value>(
  load: () => Promise<Value>,
  inputs: readonly unknown[],
): Loaded<Value> & { again: () => void } {
  const [state, set] = useState<Loaded<Value>>({ value: undefined, error: undefined, isLoading: true });
  const turn = useRef(0);
  const again = useCallback(() => {
    turn.current += 1;
    const mine = turn.current;
    const tell = (next: Loaded<Value>) => mine === turn.current && set(next);
    set((before) => ({ ...before, isLoading: true }));
    load().then(
      (value) => tell({ value, error: undefined, isLoading: false }),
      (error: unknown) => tell({ value: undefined, error, isLoading: false }),
    );
  }, inputs);
  useEffect(() => {
    again();
    return () => {
      turn.current += 1;
    };
  }, [again]);
  return { ...state, again };
}

/** Something that a person starts: it runs once at a time, and its error stays until the next try. */
export function useAction<Args extends unknown[]>(
  act: (...args: Args) => Promise<void>,
): { run: (...args: Args) => void; isBusy: boolean; error: unknown } {
  const [state, set] = useState<{ isBusy: boolean; error: unknown }>({ isBusy: false, error: undefined });
  const run = (...args: Args) => {
    if (state.isBusy) return;
    set({ isBusy: true, error: undefined });
    act(...args).then(
      () => set({ isBusy: false, error: undefined }),
      (error: unknown) => set({ isBusy: false, error }),
    );
  };
  return { run, ...state };
}
