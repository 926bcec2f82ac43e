import { describe, expect, it } from "vitest";
import { afterFailure, type Circuit, stateOf } from "../../../src/events/outbox/circuit.ts";

const failing = (times: number, now = 0, circuit?: Circuit): Circuit | undefined =>
  times === 0 ? circuit : failing(times - 1, now, afterFailure(circuit, now));

describe("the circuit of a webhook URL", () => {
  it.each<[number, ReturnType<typeof stateOf>]>([
    [0, "closed"],
    [1, "closed"],
    [4, "closed"],
    [5, "open"],
    [50, "open"],
  ])("after %i failures at once is %s", (times, state) => {
    expect(stateOf(failing(times), 0)).toBe(state);
  });

  it("is half-open after 1, 5 and 14 minutes, and then after every 14", () => {
    let circuit = failing(5);
    let now = 0;
    const waits: number[] = [];
    for (let probe = 0; probe < 5; probe += 1) {
      const until = circuit?.openUntil ?? 0;
      waits.push((until - now) / 60_000);
      expect([stateOf(circuit, until - 1), stateOf(circuit, until)]).toEqual(["open", "half_open"]);
      now = until;
      circuit = afterFailure(circuit, now);
    }
    expect(waits).toEqual([1, 5, 14, 14, 14]);
  });

  it("does not open for longer because of attempts that were under way when it opened", () => {
    expect(failing(45, 0, failing(5))).toEqual(failing(5));
  });
});
