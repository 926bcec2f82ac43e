import { NixflexError } from "./api.ts";

export type Outcome = { item: string; error?: unknown };

const AT_ONCE = 2;

/**
 * Does one thing for many numbers, two at once as Twilio likes it. If the API asks to wait, everybody waits and the item is
 * tried again; other errors are kept with their item.
 *
 * @param isStrict throws the first error, once the others are done
 */
export async function runMany(
  items: readonly string[],
  act: (item: string) => Promise<unknown>,
  tell: (done: Outcome[]) => void,
  signal: AbortSignal,
  isStrict = false,
): Promise<void> {
  const waiting = [...items];
  const done: Outcome[] = [];
  const work = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined && !signal.aborted; item = waiting.shift()) {
      try {
        await act(item);
        done.push({ item });
      } catch (error) {
        const wait = error instanceof NixflexError ? error.retryAfterSeconds : undefined;
        if (wait !== undefined && wait <= 120) {
          waiting.unshift(item);
          await new Promise((resolve) => setTimeout(resolve, wait * 1000));
          continue;
        }
        done.push({ item, error });
      }
      tell([...done]);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const failed = done.find(({ error }) => error !== undefined);
  if (isStrict && failed) throw failed.error;
}
