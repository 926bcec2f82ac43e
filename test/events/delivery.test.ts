import { describe, expect, it } from "vitest";
import {
  type DeliveryError,
  MAX_ATTEMPTS,
  outcomeOf,
  RETRY_DELAYS_SECONDS,
} from "../../src/events/delivery.ts";

const attempt = (error?: DeliveryError, httpStatus?: number) => ({
  attemptedAt: new Date(0),
  durationMs: 1,
  ...(error && { error }),
  ...(httpStatus && { httpStatus }),
});

describe("what follows from an attempt", () => {
  it("is nothing more where it was delivered", () => {
    expect(outcomeOf(attempt(), 5)).toEqual({ state: "delivered" });
    expect(outcomeOf(attempt(), 1)).toEqual({ state: "delivered" });
  });

  it.each([400, 401, 403, 404, 410, 422, 451])("%i is final", (status) => {
    expect(outcomeOf(attempt("http_error", status), 5)).toEqual({ state: "failed" });
  });

  it.each([301, 302, 408, 429, 500, 502, 503, 504])("%i is tried again", (status) => {
    expect(outcomeOf(attempt("http_error", status), 5)).toEqual({ state: "pending", delaySeconds: 60 });
  });

  it.each<DeliveryError>(["timeout", "network_error"])("%s is tried again", (error) => {
    expect(outcomeOf(attempt(error), 5)).toEqual({ state: "pending", delaySeconds: 60 });
  });

  it.each<DeliveryError>(["no_webhook_url", "unsafe_webhook_url", "unreadable"])("%s is final", (error) => {
    expect(outcomeOf(attempt(error), 5)).toEqual({ state: "failed" });
  });

  it("is five attempts over about 75 minutes", () => {
    const delays: number[] = [];
    for (let left = MAX_ATTEMPTS; left > 0; left -= 1) {
      const outcome = outcomeOf(attempt("timeout"), left);
      if (outcome.state === "pending") delays.push(outcome.delaySeconds);
      else expect([left, outcome.state]).toEqual([1, "failed"]);
    }
    expect(delays).toEqual([...RETRY_DELAYS_SECONDS]);
    expect(delays).toHaveLength(4);
    expect(delays.reduce((sum, delay) => sum + delay) / 60).toBe(75);
  });
});
