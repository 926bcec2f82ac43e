import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { forgetRoutes } from "../../src/answering/route-cache.ts";
import { haveImported, type Imported, tell } from "../support/answering.ts";
import { watchedDatabase } from "../support/database.ts";
import { logLines } from "../support/logs.ts";
import { call, expectError } from "../support/worker.ts";
import { promoteSecondaryToken } from "../twilio-simulator/state.ts";

// A route is read from the nearest replica of D1, which may lag behind; then the primary is asked.

const NUMBER = "/v1/phone-numbers/%2B447446466847";

type Options = { replica?: (row: unknown) => unknown; token?: string; path?: string };

/**
 * Tells of a call that goes on, after which nothing is written, with a replica that answers so.
 *
 * @returns the response, and the trips to the replica and in all
 */
async function report(
  imported: Imported,
  { replica, token = imported.account.authToken, path = "status" }: Options = {},
): Promise<[Response, number, number]> {
  const { DB, trips, sessionTrips } = watchedDatabase(replica && { replica });
  const call = { CallSid: "CA1", CallStatus: "in-progress" };
  const response = await tell(imported, path, call, { token, env: { DB } });
  return [response, sessionTrips(), trips()];
}

/** An hour later nothing is cached, and what this isolate has changed is long ago. */
const anHourLater = () => vi.setSystemTime(Date.now() + 60 * 60 * 1000);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("a call to a number that is not cached", () => {
  it("costs one trip, to the nearest replica", async () => {
    const imported = await haveImported();
    anHourLater();
    const [response, nearest, all] = await report(imported);
    expect([response.status, nearest, all]).toEqual([204, 1, 1]);
  });

  it("asks the primary at once where this isolate has just changed something", async () => {
    const imported = await haveImported({ welcome_message: "Before" });
    anHourLater();
    await call("PUT", `/v1/agents/${imported.agentId}`, imported.key, { welcome_message: "After" });
    const replica = (row: unknown) => ({ ...Object(row), welcome_message: "Before" });
    const [response, nearest] = await report(imported, { replica, path: "voice" });
    expect(await response.text()).toContain("After");
    expect(nearest).toBe(0);
  });

  it("is read anew by the next, if something was changed while it was read", async () => {
    const imported = await haveImported();
    anHourLater();
    const replica = (row: unknown) => {
      forgetRoutes(imported.key.key_id);
      return row;
    };
    const first = await report(imported, { replica });
    const [, nearest, all] = await report(imported);
    expect([first[0].status, nearest, all]).toEqual([204, 0, 1]);
    expect((await report(imported))[2]).toBe(0);
  });

  it("is answered where the replica does not have the number yet", async () => {
    const imported = await haveImported();
    anHourLater();
    const [response, nearest, all] = await report(imported, { replica: () => null });
    expect([response.status, nearest, all]).toEqual([204, 1, 2]);
  });

  it("is answered where the replica still has the token before", async () => {
    const imported = await haveImported();
    const before = await env.DB.prepare("SELECT auth_token_sealed FROM twilio_accounts").first();
    imported.account.secondaryAuthToken = "d".repeat(32);
    const body = { twilio_token: imported.account.secondaryAuthToken };
    expect((await call("PATCH", NUMBER, imported.key, body)).status).toBe(200);
    promoteSecondaryToken(imported.account);
    anHourLater();
    const stale = { ...before, previous_auth_token_sealed: null, auth_token_changed_at: null };
    const replica = (row: unknown) => ({ ...Object(row), ...stale });
    const [response, nearest] = await report(imported, { replica });
    expect([response.status, nearest]).toEqual([204, 1]);
    expect(logLines().map(({ event }) => event)).not.toContain("signature_refused");
  });

  it("is refused where the primary does not know the number either", async () => {
    const imported = await haveImported();
    anHourLater();
    await env.DB.prepare("DELETE FROM phone_numbers").run();
    const [response, nearest, all] = await report(imported, { path: "voice" });
    expect(await response.text()).toContain("not taking calls");
    expect([nearest, all]).toEqual([1, 2]);
  });

  it("is refused where the primary's token did not sign it either, and counts as one refusal", async () => {
    const imported = await haveImported();
    anHourLater();
    const [response, nearest, all] = await report(imported, { token: "wrong" });
    await expectError(response, 403, "invalid_signature");
    expect([nearest, all]).toEqual([1, 2]);
    expect(logLines().filter(({ event }) => event === "signature_refused")).toHaveLength(1);
  });
});
