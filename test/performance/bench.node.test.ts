import { describe, expect, it } from "vitest";
import { alternate } from "../../bench/measure/rounds.ts";
import { median, quantile, ratios, summarize } from "../../bench/measure/statistics.ts";
import { readOptions } from "../../bench/options.ts";
import { row, verdict } from "../../bench/report.ts";

// What the bench says is only as good as its arithmetic.

describe("statistics", () => {
  it("take the middle", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([])).toBeNaN();
    expect(summarize([3, 1, 2])).toEqual({ median: 2, low: 1, high: 3 });
  });

  it("take a quantile that was measured", () => {
    const values = Array.from({ length: 1000 }, (_, index) => 1000 - index);
    expect([0, 0.5, 0.99, 0.999, 1].map((share) => quantile(values, share))).toEqual([
      1, 500, 990, 999, 1000,
    ]);
    expect(quantile([7], 0.999)).toBe(7);
  });

  it("compare round by round", () => {
    expect(ratios([2, 30], [1, 10])).toEqual([2, 3]);
  });
});

it("rounds begin with another system each time", async () => {
  const order: string[] = [];
  const act = (name: string) => async (round: number) => {
    order.push(name);
    return round;
  };
  expect(await alternate(3, { a: act("a"), b: act("b") })).toEqual({ a: [0, 1, 2], b: [0, 1, 2] });
  expect(order.join("")).toBe("abbaab");
});

describe("a row", () => {
  it("says by how much its goal is met or missed", () => {
    const verdictOf = (own: number, atMost: number) =>
      verdict(row("import", "ms", [own], "floor", [100], atMost));
    expect(verdictOf(80, 1)).toBe("met, by 20 %");
    expect(verdictOf(100, 1)).toBe("met");
    expect(verdictOf(103, 1)).toBe("missed by 3.0 %");
    expect(verdictOf(Number.NaN, 1)).toBe("not measured");
    expect(verdict(row("import", "ms", [1], "floor", [1]))).toBe("");
  });

  it("takes the median of the ratios, not the ratio of the medians", () => {
    expect(row("x", "ms", [1, 10, 4], "y", [1, 5, 4]).ratio).toEqual({ median: 1, low: 1, high: 2 });
  });
});

describe("options", () => {
  it("are all sections but the long one, seven rounds and written results by default", () => {
    expect(readOptions([])).toMatchObject({ quick: false, rounds: 7 });
    expect(readOptions([]).sections).toEqual(["import", "voice", "cold", "talk", "job", "events"]);
  });

  it("take some of the sections in their order", () => {
    expect(readOptions(["--only", "voice,import"]).sections).toEqual(["import", "voice"]);
    expect(() => readOptions(["--only", "speed"])).toThrow("speed");
    expect(() => readOptions(["--fast"])).toThrow();
  });
});
