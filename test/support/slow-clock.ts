import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { vi } from "vitest";

// For tests that play things as long as they take. Time passes no faster than the machine works: however busy it is, no
// timer is late, and what is said of seconds can be checked.

const TICK_MS = 15;
/** How much time passes at most while an object answers once. */
const MOST_MS = 30;

/** Slows the clock, the timers and the alarms down while something is done. */
export async function atOurPace(work: () => Promise<void>): Promise<void> {
  const { setTimeout: start, clearTimeout: stop } = globalThis;
  const now = Date.now.bind(Date);
  const object = env.CONVERSATIONS.getByName("slow-clock");
  const storage = await runInDurableObject(object, (_, state) => Object.getPrototypeOf(state.storage));
  const { setAlarm } = storage;
  vi.useFakeTimers({ toFake: ["Date"], now: now() });

  // A timer stays where it was set: nobody else may go on with that work.
  const running = new Map<unknown, number>();
  vi.stubGlobal("setTimeout", (then: (...values: unknown[]) => void, ms = 0, ...values: unknown[]) => {
    const due = Date.now() + ms;
    const look = () => {
      const left = due - Date.now();
      if (left > 0) return void running.set(timer, start(look, left) as never);
      running.delete(timer);
      then(...values);
    };
    const timer = start(look, ms);
    running.set(timer, timer as never);
    return timer;
  });
  vi.stubGlobal("clearTimeout", (timer: unknown) => {
    stop(running.get(timer) ?? null);
    running.delete(timer);
  });
  // One that rings too early is set again.
  storage.setAlarm = function (at: number, options?: DurableObjectSetAlarmOptions) {
    return setAlarm.call(this, at + now() - Date.now(), options);
  };

  let isOver = false;
  const pass = async () => {
    while (!isOver) {
      const since = now();
      await new Promise((resolve) => start(resolve, TICK_MS));
      await object.asked();
      vi.setSystemTime(Date.now() + Math.min(now() - since, MOST_MS));
    }
  };
  const passing = pass();
  try {
    await work();
  } finally {
    isOver = true;
    await passing;
    storage.setAlarm = setAlarm;
    vi.unstubAllGlobals();
    vi.useRealTimers();
  }
}
