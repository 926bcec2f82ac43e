import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createBacklog, type Entry, type Verdict } from "../../../src/events/outbox/backlog.ts";
import { createFlights } from "../../../src/events/outbox/flights.ts";

const entry = (seq: number, lane: string, agentId = "agent_a"): Entry => ({
  seq,
  lane,
  agentId,
  isFresh: true,
  isForced: false,
});

const idle = () => false;
const always = (verdict: Verdict) => () => verdict;

describe("what is attempted next", () => {
  it("is each lane's first, one lane after the other", () => {
    const backlog = createBacklog();
    for (const [seq, lane] of [
      [1, "a"],
      [2, "a"],
      [3, "b"],
      [4, "b"],
    ] as const) {
      backlog.add(entry(seq, lane));
    }
    const order: (number | undefined)[] = [];
    for (let turn = 0; turn < 5; turn += 1) order.push(backlog.take(idle, always("attempt")).next?.seq);
    expect(order).toEqual([1, 3, 2, 4, undefined]);
    expect(backlog.size()).toBe(0);
    expect(backlog.agents()).toEqual([]);
  });

  it("is nothing of a lane that is busy, or that waits", () => {
    const backlog = createBacklog();
    backlog.add(entry(1, "a"));
    backlog.add(entry(2, "b", "agent_b"));
    expect(backlog.take((lane) => lane === "a", always("attempt")).next?.seq).toBe(2);
    expect(backlog.take(idle, always("wait")).next).toBeUndefined();
    expect(backlog.size()).toBe(1);
  });

  it("is what stands behind events that are put off or given up", () => {
    const backlog = createBacklog();
    backlog.add(entry(1, "a", "agent_open"));
    backlog.add(entry(2, "a", "agent_gone"));
    backlog.add(entry(3, "a", "agent_fine"));
    const verdicts: Record<string, Verdict> = {
      agent_open: "put_off",
      agent_gone: "give_up",
      agent_fine: "attempt",
    };
    const taken = backlog.take(idle, ({ agentId }) => verdicts[agentId] ?? "wait");
    expect(taken).toMatchObject({ next: { seq: 3 }, givenUp: [{ seq: 2 }] });
    expect([...taken.putOff]).toEqual(["agent_open"]);
    expect([...backlog.entries()].map(({ seq }) => seq)).toEqual([1]);
  });

  it("keeps the order of a lane, whatever comes and goes in between", () => {
    const change = fc.oneof(
      fc.record({ kind: fc.constant("add" as const), seq: fc.nat(30), lane: fc.constantFrom("a", "b", "c") }),
      fc.record({ kind: fc.constantFrom("take" as const, "remove" as const), seq: fc.nat(30) }),
    );
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        const backlog = createBacklog();
        const present = new Map<number, string>();
        for (const step of changes) {
          if (step.kind === "add" && !present.has(step.seq)) {
            backlog.add(entry(step.seq, step.lane));
            present.set(step.seq, step.lane);
          } else if (step.kind === "remove") {
            backlog.remove(step.seq);
            present.delete(step.seq);
          } else if (step.kind === "take") {
            const { next } = backlog.take(idle, always("attempt"));
            const first = [...present].filter(([, lane]) => lane === next?.lane).map(([seq]) => seq);
            expect(next?.seq).toBe(first.length > 0 ? Math.min(...first) : undefined);
            if (next) present.delete(next.seq);
          }
          expect(backlog.size()).toBe(present.size);
        }
      }),
    );
  });
});

describe("what is under way", () => {
  it("keeps its lane busy and counts for its URL until it lands or its time is over", () => {
    const flights = createFlights();
    flights.depart(entry(1, "a"), "https://one.example", 10);
    flights.depart(entry(2, "b"), "https://one.example", 20);
    expect([flights.isBusy("a"), flights.to("https://one.example"), flights.size()]).toEqual([true, 2, 2]);
    expect(flights.land(2)?.seq).toBe(2);
    expect(flights.land(2)).toBeUndefined();
    expect(flights.expire(9)).toEqual([]);
    expect(flights.expire(10).map(({ seq }) => seq)).toEqual([1]);
    expect([flights.isBusy("a"), flights.to("https://one.example"), flights.has(1)]).toEqual([
      false,
      0,
      false,
    ]);
  });
});
