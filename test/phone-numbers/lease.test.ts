import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { readConfig } from "../../src/config.ts";
import { isOutcomeUnknown, leaseEnd, quietUntil, secondsLeft } from "../../src/phone-numbers/lease.ts";

const NOW = new Date("2026-11-29T12:00:00.000Z");
const later = (ms: number) => new Date(NOW.getTime() + ms);

describe("a lease", () => {
  it("of this deployment lasts for four calls to Twilio and half a minute", () => {
    const { twilioTimeoutMs: timeoutMs } = readConfig(env);
    const twilio = { timeoutMs } as Parameters<typeof leaseEnd>[0]["twilio"];
    expect(leaseEnd({ twilio }, NOW)).toBe("2026-11-29T12:01:02.000Z");
  });

  it.each([
    ["2026-11-29T12:01:02.000Z", 62],
    ["2026-11-29T12:00:00.001Z", 1],
    ["2026-11-29T12:00:00.000Z", 0],
    ["2026-11-29T11:59:00.000Z", 0],
    [null, 0],
  ])("until %s has %i seconds left", (lease_expires_at, seconds) => {
    expect(secondsLeft({ lease_expires_at }, NOW)).toBe(seconds);
  });

  it("leaves an update whose outcome is unknown a minute", () => {
    const until = quietUntil(NOW);
    expect(until).toBe("2026-11-29T12:01:00.000Z");
    expect([later(59_999), later(60_000)].map((now) => isOutcomeUnknown(until, now))).toEqual([true, false]);
    expect(isOutcomeUnknown(null, NOW)).toBe(false);
  });
});
