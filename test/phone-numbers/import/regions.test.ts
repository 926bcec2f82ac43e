import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { routingReads } from "../../../src/reconciliation/routing.ts";
import { haveImported, tell } from "../../support/answering.ts";
import { prepareImport } from "../../support/import.ts";
import { keepSecret } from "../../support/logs.ts";
import { reconcile } from "../../support/reconciliation.ts";
import { operations, twilio } from "../../support/twilio.ts";
import { call, type createKey, expectError, get, rows } from "../../support/worker.ts";
import { effects } from "../../twilio-simulator/faults.ts";
import type { Region } from "../../twilio-simulator/regions.ts";
import { addAccount, addNumber } from "../../twilio-simulator/state.ts";

const NUMBER = "/v1/phone-numbers/%2B447446466847";

/** A number of an account that another Region knows as well, by a token of its own. */
async function prepareIn(region: Region) {
  const prepared = await prepareImport();
  const { account, number, body } = prepared;
  const state = twilio.regions[region];
  const regional = addAccount(state, { sid: account.sid });
  keepSecret(regional.authToken);
  const record = addNumber(state, regional, { sid: number.sid, phone_number: number.phone_number });
  return { ...prepared, regional, record, regionalBody: { ...body, twilio_token: regional.authToken } };
}

const importIt = ({ key }: { key: Awaited<ReturnType<typeof createKey>> }, body: unknown) =>
  call("POST", "/v1/phone-numbers", key, body);

describe("credentials of another Region", () => {
  it.each(["ie1", "au1"] as const)("of %s import a number that is routed there", async (region) => {
    const prepared = await prepareIn(region);
    twilio.state.voiceRegions.set(prepared.number.phone_number, region);
    expect((await importIt(prepared, prepared.regionalBody)).status).toBe(201);
    expect(prepared.record.voice_url).toContain("/webhooks/twilio/");
    // The record of US1 is nobody's business.
    expect(String(prepared.number.voice_url)).not.toContain("/webhooks/twilio/");
    expect(await (await get(NUMBER, prepared.key)).json()).toMatchObject({
      phone_number: { region, health: "ok", health_reasons: [] },
    });
    const ring = await twilio.ring(prepared.number.phone_number);
    expect(ring).toMatchObject({ answeredBy: "webhook" });
    expect(ring.twiml).toContain("<Say");
  });

  it("are used for everything that follows: checks, a new token, the release", async () => {
    const prepared = await prepareIn("ie1");
    const { key, record, regional, number } = prepared;
    twilio.state.voiceRegions.set(number.phone_number, "ie1");
    record.voice_url = "https://owner.example/voice";
    await importIt(prepared, prepared.regionalBody);
    record.sms_url = "https://drifted.example";
    expect((await call("POST", `${NUMBER}/check`, key)).status).toBe(200);
    expect(record.sms_url).toContain("/webhooks/twilio/");
    regional.secondaryAuthToken = "b".repeat(32);
    const change = { twilio_token: regional.secondaryAuthToken };
    expect((await call("PATCH", NUMBER, key, change)).status).toBe(200);
    const health = await (await get("/v1/account/health", key)).json();
    expect(health).toMatchObject({ status: "ok", twilio_accounts: [{ region: "ie1" }] });
    expect(await (await call("DELETE", NUMBER, key)).json()).toMatchObject({
      phone_number: { twilio: { voice: "restored" } },
    });
    expect(record.voice_url).toBe("https://owner.example/voice");
  });

  it("make an account of their own: one key has two Regions of it, with two tokens", async () => {
    const prepared = await prepareIn("ie1");
    const { key, account, body } = prepared;
    twilio.state.voiceRegions.set("+447446466847", "ie1");
    addNumber(twilio.state, account, { phone_number: "+15005550009" });
    expect((await importIt(prepared, prepared.regionalBody)).status).toBe(201);
    expect((await importIt(prepared, { ...body, phone_number: "+15005550009" })).status).toBe(201);
    const regions = (await rows<{ region: string }>("twilio_accounts")).map(({ region }) => region);
    expect(regions.sort()).toEqual(["", "ie1"]);
    for (const number of ["+447446466847", "+15005550009"]) {
      expect((await twilio.ring(number)).answeredBy).toBe("webhook");
    }
    await call("DELETE", NUMBER, key);
    expect(await rows("twilio_accounts")).toMatchObject([{ region: "" }]);
  });

  it("sign the webhooks: a call signed with another Region's token is refused", async () => {
    const prepared = await prepareIn("ie1");
    twilio.state.voiceRegions.set("+447446466847", "ie1");
    await importIt(prepared, prepared.regionalBody);
    prepared.number.voice_url = prepared.record.voice_url;
    twilio.state.voiceRegions.set("+447446466847", "us1");
    expect((await twilio.ring("+447446466847")).exchanges[0]?.status).toBe(403);
  });

  it("that every Region refuses are refused as before, and each Region was asked once", async () => {
    const prepared = await prepareIn("ie1");
    const asked = vi.spyOn(twilio, "fetch");
    const body = { ...prepared.body, twilio_token: "0".repeat(32) };
    const error = await expectError(await importIt(prepared, body), 401, "twilio_auth_failed");
    expect(error.details).toMatchObject({ reason: "wrong_token" });
    const lists = asked.mock.calls.filter(([{ url }]) => url.includes("IncomingPhoneNumbers.json"));
    expect(lists.map(([{ url }]) => new URL(url).host).sort()).toEqual([
      "api.dublin.ie1.twilio.com",
      "api.sydney.au1.twilio.com",
      "api.twilio.com",
    ]);
  });

  it("of a number's account are found out on a change of the token", async () => {
    const prepared = await prepareIn("ie1");
    await importIt(prepared, prepared.body);
    const response = await call("PATCH", NUMBER, prepared.key, { twilio_token: prepared.regional.authToken });
    const error = await expectError(response, 401, "twilio_auth_failed");
    expect(error.details).toMatchObject({ reason: "other_region" });
  });
});

describe("a number that is routed to another Region", () => {
  it("is refused, with both Regions named, and nothing is done", async () => {
    const prepared = await prepareIn("ie1");
    twilio.state.voiceRegions.set(prepared.number.phone_number, "ie1");
    for (const query of ["", "?dry_run=true"]) {
      const response = await call("POST", `/v1/phone-numbers${query}`, prepared.key, prepared.body);
      const error = await expectError(response, 422, "number_in_other_region");
      expect(error.details).toEqual({ number_region: "ie1", credentials_region: "us1" });
      expect(error.message).toMatch(/ie1.*us1.*Auth Token/s);
    }
    expect(operations()).not.toContain("update");
    expect(await rows("phone_numbers")).toEqual([]);
  });

  it("is imported all the same if its record cannot be read, and its health says so until it can", async () => {
    const { key, body, number } = await prepareImport();
    twilio.faults.add({ operation: "routing", effect: effects.serverErrorHtml, times: 3 });
    expect((await call("POST", "/v1/phone-numbers", key, body)).status).toBe(201);
    const health = async () => (await get(NUMBER, key)).json<{ phone_number: { health: string } }>();
    expect(await health()).toMatchObject({
      phone_number: { health: "region_unchecked", health_reasons: ["region_unchecked"] },
    });
    twilio.state.voiceRegions.set(number.phone_number, "us1");
    await reconcile();
    expect(await health()).toMatchObject({ phone_number: { health: "ok", health_reasons: [] } });
  });

  it("is found later, by the hourly check in its turn and at once by a check of the number", async () => {
    const imported = await haveImported();
    const { key, phoneNumber } = imported;
    twilio.state.voiceRegions.set(phoneNumber, "ie1");
    await env.DB.prepare("UPDATE twilio_accounts SET routing_checked_at = '2020-01-01'").run();
    await reconcile();
    const routed = { phone_number: { health: "routed_elsewhere", health_reasons: ["routed_elsewhere"] } };
    expect(await (await get(NUMBER, key)).json()).toMatchObject(routed);
    // What a later check does not read again stays true.
    await reconcile();
    expect(await (await get(NUMBER, key)).json()).toMatchObject(routed);
    twilio.state.voiceRegions.set(phoneNumber, "us1");
    const checked = await call("POST", `${NUMBER}/check`, key);
    expect(await checked.json()).toMatchObject({ phone_number: { health: "ok", health_reasons: [] } });
    twilio.state.voiceRegions.set(phoneNumber, "au1");
    expect(await (await call("POST", `${NUMBER}/check`, key)).json()).toMatchObject(routed);
    expect((await tell(imported, "voice", { CallSid: "CA1" })).status).toBe(200);
  });

  it("keeps what else is found of it, and a repair does not hide it", async () => {
    const { key, number, body } = await prepareImport();
    await call("POST", "/v1/phone-numbers", key, body);
    twilio.state.voiceRegions.set(number.phone_number, "ie1");
    number.sms_url = "https://drifted.example";
    const checked = await call("POST", `${NUMBER}/check`, key);
    expect(await checked.json()).toMatchObject({ phone_number: { health_reasons: ["routed_elsewhere"] } });
    expect(number.sms_url).toContain("/webhooks/twilio/");
  });
});

describe("what an import costs", () => {
  it("is two sequential round trips to Twilio: the routing record is read beside the look-up", async () => {
    const { key, body } = await prepareImport();
    const { fetch } = twilio;
    let trip = 0;
    const under = new Set<number>();
    const trips: string[][] = [];
    vi.spyOn(twilio, "fetch").mockImplementation(async (request, region) => {
      if (under.size === 0) trips.push([]);
      const id = trip++;
      under.add(id);
      trips.at(-1)?.push(new URL(request.url).host);
      try {
        return await fetch(request, region);
      } finally {
        under.delete(id);
      }
    });
    expect((await call("POST", "/v1/phone-numbers", key, body)).status).toBe(201);
    expect(trips).toEqual([["api.twilio.com", "routes.twilio.com"], ["api.twilio.com"]]);
  });
});

describe("how many routing records a check reads", () => {
  const now = new Date("2026-01-31T12:00:00.000Z");
  const hoursAgo = (hours: number) => new Date(now.getTime() - hours * 3_600_000).toISOString();

  it.each([
    [0, null, 0],
    [1, null, 1],
    [1, hoursAgo(1), 0],
    [1, hoursAgo(168), 1],
    [168, hoursAgo(1), 1],
    [500, hoursAgo(1), 2],
    [1_000, hoursAgo(1), 5],
    [1_000, hoursAgo(10_000), 300],
    [100_000, hoursAgo(1), 300],
  ])("of %i numbers, last read %s: %i", (count, lastReadAt, reads) => {
    expect(routingReads(count, lastReadAt, now)).toBe(reads);
  });

  it("keeps the calls that read 90 times under one per number, for 500 numbers an account", () => {
    const calls = 1 + routingReads(500, hoursAgo(1), now) + 1;
    expect(500 / calls).toBeGreaterThan(90);
  });
});
