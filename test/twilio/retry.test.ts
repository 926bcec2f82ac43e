import { describe, expect, it } from "vitest";
import { TwilioError, type TwilioErrorFacts } from "../../src/twilio/errors.ts";
import { retryDelayMs } from "../../src/twilio/http.ts";

const delay = (method: "GET" | "POST", facts: TwilioErrorFacts, retries = 0, random = 1, elapsed = 0) =>
  retryDelayMs(method, new TwilioError("x", facts), { retries, elapsed }, random);

const network: TwilioErrorFacts = { failure: "unavailable" };
const serverError: TwilioErrorFacts = { failure: "unavailable", status: 500 };
const limited: TwilioErrorFacts = { failure: "rate_limited", status: 429 };

describe("retryDelayMs", () => {
  it.each<[string, "GET" | "POST", TwilioErrorFacts, number | undefined]>([
    ["GET, network", "GET", network, 200],
    ["GET, 500", "GET", serverError, 200],
    ["GET, 429", "GET", limited, 400],
    ["GET, 429 with Retry-After", "GET", { ...limited, retryAfterSeconds: 2 }, 2400],
    ["GET, 503 with Retry-After", "GET", { ...serverError, retryAfterSeconds: 0 }, 0],
    ["GET, 429 with a long Retry-After", "GET", { ...limited, retryAfterSeconds: 4 }, undefined],
    ["GET, 401", "GET", { failure: "rejected", status: 401 }, undefined],
    ["GET, 404", "GET", { failure: "rejected", status: 404 }, undefined],
    ["GET, redirect", "GET", { failure: "unavailable", status: 302 }, undefined],
    ["GET, unreadable 200", "GET", { failure: "unavailable", status: 200 }, undefined],
    ["POST, network", "POST", network, undefined],
    ["POST, 500", "POST", serverError, undefined],
    ["POST, 429", "POST", limited, 400],
    ["POST, 409", "POST", { failure: "rejected", status: 409 }, 400],
    ["POST, 20162", "POST", { failure: "rejected", status: 400, twilioCode: 20162 }, 400],
    ["POST, 400", "POST", { failure: "rejected", status: 400 }, undefined],
  ])("%s", (_, method, facts, expected) => {
    expect(delay(method, facts)).toBe(expected);
  });

  it("waits up to twice as long the second time, and then gives up", () => {
    expect(delay("GET", serverError, 1)).toBe(400);
    expect(delay("GET", serverError, 2)).toBeUndefined();
  });

  it("waits for another update once", () => {
    expect(delay("POST", { failure: "rejected", status: 409 }, 1)).toBeUndefined();
  });

  it("is spread from zero to the ceiling", () => {
    expect(delay("GET", serverError, 0, 0)).toBe(0);
    expect(delay("GET", serverError, 0, 0.5)).toBe(100);
  });

  it("waits for a place by 429 however often, for a third of the deadline", () => {
    const busy = (elapsed: number, random = 1) => delay("POST", limited, 1000, random, elapsed);
    expect(busy(0.34)).toBeDefined();
    expect(busy(0.35)).toBeUndefined();
    expect(busy(1)).toBeUndefined();
  });

  it("asks for a place the more often the longer it has waited, and never at a fixed moment", () => {
    const ceilings = [0, 0.1, 0.2, 0.34].map((elapsed) => delay("GET", limited, 9, 1, elapsed) ?? 0);
    expect(ceilings).toEqual([...ceilings].sort((a, b) => b - a));
    expect(ceilings.at(-1)).toBeGreaterThan(50);
    expect(delay("GET", limited, 9, 0, 0.2)).toBe(0);
    expect(delay("GET", { ...limited, retryAfterSeconds: 1 }, 9, 0, 0.2)).toBe(1000);
  });
});
