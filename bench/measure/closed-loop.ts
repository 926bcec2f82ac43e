import { pause } from "./pause.ts";

/**
 * Does one thing after the other.
 *
 * @param restMs how long to rest after each, so that what it left running is not measured with the next
 * @returns the milliseconds each took
 */
export async function oneByOne(
  count: number,
  act: (index: number) => Promise<unknown>,
  restMs = 0,
): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const startedAt = performance.now();
    await act(index);
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
