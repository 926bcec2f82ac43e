import { setTimeout as pause } from "node:timers/promises";

/**
 * Measures every system once in each round, and begins each round with another one: what the machine does meanwhile,
 * and what one system leaves behind for the next, falls on all alike.
 *
 * @returns what each system measured, by round
 */
export async function alternate<Name extends string, Measured>(
  rounds: number,
  systems: Record<Name, (round: number) => Promise<Measured>>,
): Promise<Record<Name, Measured[]>> {
  const names = Object.keys(systems) as Name[];
  const measured = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, Measured[]>;
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < names.length; turn += 1) {
      const name = names[(round + turn) % names.length] as Name;
      measured[name].push(await systems[name](round));
    }
  }
  return measured;
}

/** Does one thing after the other, with a rest for what each leaves running. @returns the milliseconds each took */
export async function oneByOne<Item>(
  items: Iterable<Item>,
  act: (item: Item) => Promise<unknown>,
  restMs = 0,
): Promise<number[]> {
  const times: number[] = [];
  for (const item of items) {
    const startedAt = performance.now();
    await act(item);
    times.push(performance.now() - startedAt);
    if (restMs > 0) await pause(restMs);
  }
  return times;
}

/** Does everything, so many at a time, and waits for the last. @returns the milliseconds it took in all */
export async function atOnce<Item>(
  items: readonly Item[],
  inFlight: number,
  act: (item: Item) => Promise<unknown>,
): Promise<number> {
  const startedAt = performance.now();
  const left = items.values();
  const worker = async () => {
    for (const item of left) await act(item);
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return performance.now() - startedAt;
}

/** One of them after the other, over and over. */
export function inTurn<Item>(items: readonly Item[]): () => Item {
  let next = 0;
  return () => items[next++ % items.length] as Item;
}
