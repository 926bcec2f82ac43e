import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { Loaded } from "./store.ts";

/**
 * Loads what one page shows. `again` loads it once more, and if that fails, what was there stays beside the error; `put`
 * shows what an answer to something else has said. An answer that comes too late is dropped.
 */
export function useLoaded<Value>(
  load: () => Promise<Value>,
  inputs: readonly unknown[],
): Loaded<Value> & { again: () => void; put: (value: Value) => void } {
  const [state, set] = useState<Loaded<Value>>({ value: undefined, error: undefined, isLoading: true });
  const turn = useRef(0);
  const tell = (mine: number, next: Partial<Loaded<Value>>) =>
    mine === turn.current && set((before) => ({ ...before, ...next, isLoading: false }));
  const run = (onError: Partial<Loaded<Value>>) => {
    turn.current += 1;
    const mine = turn.current;
    set((before) => ({ ...before, isLoading: true }));
    load().then(
      (value) => tell(mine, { value, error: undefined }),
      (error: unknown) => tell(mine, { ...onError, error }),
    );
  };
  const again = useCallback(() => run({}), inputs);
  const put = useCallback((value: Value) => {
    turn.current += 1;
    tell(turn.current, { value, error: undefined });
  }, []);
  useEffect(() => {
    // What is there belongs to other inputs.
    run({ value: undefined });
    return () => {
      turn.current += 1;
    };
  }, [again]);
  return { ...state, again, put };
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

/** Does something again and again while it is wanted. */
export function useEvery(milliseconds: number, isWanted: boolean, act: () => void): void {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    if (!isWanted) return;
    const timer = setInterval(() => latest.current(), milliseconds);
    return () => clearInterval(timer);
  }, [isWanted]);
}
