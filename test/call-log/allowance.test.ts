import { describe, expect, it } from "vitest";
import { type Kind, planTake } from "../../src/call-log/allowance.ts";

// What a key may still take of a day.

const NOW = Date.parse("2026-01-31T12:00:00.000Z");
const LIMITS = { calls_per_day: 10, texts_per_day: 10, model_turns_per_day: 10 };

describe("a daily limit of ten", () => {
  it.each<[Kind, number, string, number[]]>([
    ["text", 6, "taken", []],
    // It is told of once, by whoever takes the first of the last fifth.
    ["text", 7, "taken", [8]],
    ["text", 8, "taken", []],
    ["text", 9, "taken", []],
    ["text", 10, "refused", []],
    ["turn", 10, "refused", []],
    // A call that has begun goes on.
    ["next_turn", 12, "taken", []],
    // Trials have a tenth, and nobody is told of theirs.
    ["try", 0, "taken", []],
    ["try", 1, "refused", []],
  ])("%s after %i: %s", (kind, used, outcome, told) => {
    const today = { texted: used, turns: kind === "try" ? 0 : used, tries: used };
    const taken = planTake(kind, today, LIMITS, NOW);
    expect(taken.kind).toBe(outcome);
    if (taken.kind === "taken") expect(taken.near.map((near) => near.used)).toEqual(told);
    if (taken.kind === "refused")
      expect(taken.allowance).toMatchObject({ used, resets_at: "2026-02-01T00:00:00.000Z" });
  });

  it("is none where there is no limit", () => {
    const none = { calls_per_day: null, texts_per_day: null, model_turns_per_day: null };
    expect(planTake("text", { texted: 1e9 }, none, NOW)).toEqual({ kind: "taken", near: [] });
  });
});
