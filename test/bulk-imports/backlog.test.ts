import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createBacklog, type Task } from "../../src/bulk-imports/backlog.ts";
import { createLanes } from "../../src/bulk-imports/lanes.ts";
import { pauseMs, retryDelayMs } from "../../src/bulk-imports/retry.ts";
import type { ErrorBody } from "../../src/http/error-handler.ts";
import type { ErrorCode } from "../../src/http/errors.ts";

const SIDS = ["AC1", "AC2", "AC3"];

type Act =
  | { kind: "take" }
  | { kind: "finish"; of: number; isLimited: boolean }
  | { kind: "wait"; ms: number };

const acts: fc.Arbitrary<Act[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("take" as const) }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant("finish" as const), of: fc.nat(9), isLimited: fc.boolean() }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.nat(5_000) }) },
  ),
  { maxLength: 200 },
);

describe("the backlog", () => {
  it("has two numbers of an account under way at most, none while it is paused, and hands out each once", () => {
    fc.assert(
      fc.property(acts, fc.array(fc.nat(2), { maxLength: 30 }), (history, owners) => {
        const backlog = createBacklog();
        for (const [position, owner] of owners.entries()) backlog.addNumber(SIDS[owner] ?? "", position);
        const seen = new Set<number>();
        const underWay: Task[] = [];
        const pausedUntil = new Map<string, number>();
        let now = 1;
        for (const act of history) {
          if (act.kind === "wait") now += act.ms;
          if (act.kind === "finish") {
            const [task] = underWay.splice(act.of % Math.max(underWay.length, 1), 1);
            if (!task) continue;
            backlog.finish(task, act.isLimited ? { retryAfterMs: 3_000 } : undefined, now);
            if (act.isLimited) pausedUntil.set(task.accountSid, now + 3_000);
          }
          if (act.kind !== "take") continue;
          const task = backlog.take(now);
          if (task?.kind !== "number") continue;
          expect(seen.has(task.position)).toBe(false);
          seen.add(task.position);
          underWay.push(task);
          expect(pausedUntil.get(task.accountSid) ?? 0).toBeLessThanOrEqual(now);
          const busy = underWay.filter(({ accountSid }) => accountSid === task.accountSid);
          expect(busy.length).toBeLessThanOrEqual(2);
        }
        for (const task of underWay) backlog.finish(task, undefined, now);
        for (let at = backlog.nextDueAt(); at !== null; at = backlog.nextDueAt()) {
          now = Math.max(now, at);
          const task = backlog.take(now);
          if (task?.kind !== "number") throw new Error("what is due is not handed out");
          seen.add(task.position);
          backlog.finish(task, undefined, now);
        }
        expect(seen.size).toBe(owners.length);
        expect(backlog.isEmpty()).toBe(true);
      }),
    );
  });

  it("opens an account before its numbers, and tries them again when they are due", () => {
    const backlog = createBacklog();
    backlog.addAccount("AC1", "AC1");
    backlog.addNumber("AC1", 1);
    const opening = backlog.take(1) as Task;
    expect(opening).toEqual({ kind: "open", accountSid: "AC1" });
    expect(backlog.take(1)).toBeUndefined();
    backlog.finish(opening, undefined, 1);
    const task = backlog.take(1) as Task;
    expect(task).toEqual({ kind: "number", accountSid: "AC1", position: 1 });
    backlog.finish(task, undefined, 1);
    backlog.addNumber("AC1", 1, 500);
    expect([backlog.take(499), backlog.nextDueAt()]).toEqual([undefined, 500]);
    expect(backlog.take(500)).toEqual(task);
    backlog.finish(task, undefined, 500);
    backlog.addNumber("AC1", 2);
    backlog.drop("AC1");
    expect(backlog.isEmpty()).toBe(true);
  });

  it("lets one account after the other have its turn", () => {
    const backlog = createBacklog();
    for (const sid of SIDS) for (const position of [1, 2, 3]) backlog.addNumber(sid, position);
    const order = Array.from({ length: 9 }, () => {
      const task = backlog.take(1) as Task;
      backlog.finish(task, undefined, 1);
      return task.accountSid;
    });
    expect(order).toEqual([...SIDS, ...SIDS, ...SIDS]);
  });

  it("tries each number again when it is due itself, and once", () => {
    const backlog = createBacklog();
    backlog.addNumber("AC1", 1, 100);
    backlog.addNumber("AC1", 2, 200);
    const due = (now: number) => {
      const task = backlog.take(now);
      if (task) backlog.finish(task, undefined, now);
      return task?.kind === "number" ? task.position : undefined;
    };
    expect([99, 100, 100, 199, 200, 200].map(due)).toEqual([
      undefined,
      1,
      undefined,
      undefined,
      2,
      undefined,
    ]);
    expect(backlog.isEmpty()).toBe(true);
  });
});

describe("an account that Twilio limits", () => {
  it("pauses longer each time, is asked one at a time, and after a success is as fast as before", () => {
    const backlog = createBacklog();
    for (const position of [1, 2, 3, 4, 5, 6, 7]) backlog.addNumber("AC1", position);
    let now = 1;
    const limited = () => {
      const task = backlog.take(now) as Task;
      const isAlone = backlog.take(now) === undefined;
      backlog.finish(task, { retryAfterMs: 0 }, now);
      const pause = (backlog.nextDueAt() ?? 0) - now;
      now += pause;
      return [isAlone, pause];
    };
    backlog.finish(backlog.take(now) as Task, { retryAfterMs: 0 }, now);
    now += pauseMs(1);
    expect(limited()).toEqual([true, pauseMs(2)]);
    backlog.finish(backlog.take(now) as Task, undefined, now);
    const [one, two] = [backlog.take(now), backlog.take(now)];
    expect([one, two]).not.toContain(undefined);
    backlog.finish(one as Task, { retryAfterMs: 0 }, now);
    backlog.finish(two as Task, undefined, now);
    expect((backlog.nextDueAt() ?? now) - now).toBe(pauseMs(1));
  });
});

describe("subaccounts that their parent opens", () => {
  const open = (backlog: ReturnType<typeof createBacklog>, at: number) => {
    const tasks: Task[] = [];
    for (let task = backlog.take(at); task; task = backlog.take(at)) tasks.push(task);
    return tasks;
  };

  it("are opened two at a time, and none while the parent is limited", () => {
    const backlog = createBacklog();
    for (const sid of ["AC1", "AC2", "AC3", "AC4"]) backlog.addAccount(sid, "ACP");
    const [one, two, ...more] = open(backlog, 1);
    expect([one?.accountSid, two?.accountSid, more]).toEqual(["AC1", "AC2", []]);
    backlog.finish(one as Task, undefined, 1);
    const [three] = open(backlog, 1);
    expect(three?.accountSid).toBe("AC3");
    backlog.finish(two as Task, { retryAfterMs: 3_000 }, 1);
    backlog.finish(three as Task, undefined, 1);
    expect([open(backlog, 3_000), backlog.nextDueAt()]).toEqual([[], 3_001]);
    expect(open(backlog, 3_001)).not.toEqual([]);
  });
});

describe("the lanes", () => {
  it.each([
    [false, 24, 3],
    [true, 8, 1],
  ])("share the work (dry run: %s)", async (isDryRun, room, perLane) => {
    const lanes = createLanes(isDryRun, (lane) => lane);
    const used: number[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const works = [];
    while (lanes.hasRoom()) {
      works.push(
        lanes.use((lane) => {
          used.push(lane);
          return promise;
        }),
      );
    }
    expect(used).toHaveLength(room);
    expect(used.filter((lane) => lane === 7)).toHaveLength(perLane);
    resolve();
    await Promise.all(works);
    expect(lanes.hasRoom()).toBe(true);
  });
});

describe("a failed attempt", () => {
  const error = (code: ErrorCode, details = {}) => ({ code, details }) as ErrorBody;
  it.each<[ErrorBody, number, number | undefined]>([
    [error("twilio_unavailable"), 1, 1_000],
    [error("twilio_unavailable"), 5, 16_000],
    [error("twilio_unavailable"), 6, undefined],
    [error("twilio_rate_limited", { retry_after: 5 }), 1, 5_000],
    [error("twilio_rate_limited"), 99, 60_000],
    [error("twilio_rate_limited"), 100, undefined],
    [error("number_already_imported"), 1, undefined],
    [error("number_already_imported", { retry_after: 7 }), 1, 7_000],
    [error("twilio_update_rejected"), 1, undefined],
    [error("twilio_update_rejected", { outcome: "unknown" }), 2, 2_000],
    [error("twilio_auth_failed"), 1, undefined],
  ])("%j, the %ith: again in %s ms", (body, attempts, delay) => {
    expect(retryDelayMs(body, attempts)).toBe(delay);
  });
});
