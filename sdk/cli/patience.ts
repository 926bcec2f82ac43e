import { setTimeout as delay } from "node:timers/promises";
import { NixflexError } from "@nixflex/numbers";
import { Unreachable } from "./failures.ts";
import { note } from "./output.ts";

const MAX_TRIES = 9;
/** Doubled with each try. */
const FIRST_WAIT_SECONDS = 0.25;
const MAX_WAIT_SECONDS = 30;

/** Asks again while no answer comes or the API says when to. For what may be asked twice. */
export async function patiently<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask();
    } catch (error) {
      const seconds = waitSeconds(error, tries);
      if (seconds === undefined) throw error;
      note(`${(error as Error).message} The next try is in ${seconds} s.`);
      await delay(seconds * 1_000);
    }
  }
}

function waitSeconds(error: unknown, tries: number): number | undefined {
  if (tries >= MAX_TRIES) return undefined;
  if (error instanceof NixflexError && error.retryAfterSeconds !== undefined) return error.retryAfterSeconds;
  const isPassing =
    error instanceof Unreachable ||
    (error instanceof NixflexError && error.code === "unreadable_answer" && error.status >= 500);
  return isPassing ? Math.min(FIRST_WAIT_SECONDS * 2 ** (tries - 1), MAX_WAIT_SECONDS) : undefined;
}
