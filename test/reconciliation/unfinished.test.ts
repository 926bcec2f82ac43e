import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { deliverQueued } from "../support/consume.ts";
import { prepareImport } from "../support/import.ts";
import { reconcile } from "../support/reconciliation.ts";
import { twilio } from "../support/twilio.ts";
import { call, expectError, get, rows } from "../support/worker.ts";
import { effects } from "../twilio-simulator/faults.ts";
import type { NumberResource } from "../twilio-simulator/resource.ts";

const NUMBER = "/v1/phone-numbers/%2B447446466847";

async function prepare() {
  const prepared = await prepareImport({
    voice_url: "https://old.example.com/voice?key=1",
    sms_url: "https://old.example.com/sms",
    trunk_sid: `TK${"0".repeat(32)}`,
  });
  const { key, body, number } = prepared;
  const configuration = ({ date_updated: _, ...fields }: NumberResource) =>
    Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, value ?? ""]));
  const before = configuration(structuredClone(number));
  const now = () => configuration(twilio.state.numbers.get(number.sid) ?? number);
  const importIt = () => call("POST", "/v1/phone-numbers", key, body);
  return { ...prepared, before, now, importIt };
}

const expireLeases = () =>
  env.DB.prepare("UPDATE phone_numbers SET lease_expires_at = '2020-01-01T00:00:00.000Z'").run();

describe("an import that was left unfinished", () => {
  it("is undone: nobody was told of it", async () => {
    const { importIt, before, now, key } = await prepare();
    twilio.faults.add({ operation: "update", effect: effects.replyLost });
    twilio.faults.add({ operation: "fetch", effect: effects.serverErrorHtml, times: 3 });
    await expectError(await importIt(), 502, "twilio_unavailable");
    expect(now().voice_url).toContain("/webhooks/twilio/");
    await reconcile();
    expect(now()).toEqual(before);
    expect(await rows("phone_numbers")).toEqual([]);
    expect(await rows("twilio_accounts")).toEqual([]);
    await expectError(await get(NUMBER, key), 404, "number_not_found");
    expect((await importIt()).status).toBe(201);
  });

  it("is left to the request that is still at work on it", async () => {
    const { importIt } = await prepare();
    await importIt();
    const lease = new Date(Date.now() + 60_000).toISOString();
    await env.DB.prepare("UPDATE phone_numbers SET state = 'importing', lease_expires_at = ?1")
      .bind(lease)
      .run();
    await reconcile();
    expect(await rows("phone_numbers")).toEqual([expect.objectContaining({ state: "importing" })]);
  });

  it("waits while Twilio is down, and is ended after a week, with what its owner had kept", async () => {
    const { importIt, before, now, key } = await prepare();
    await importIt();
    await env.DB.prepare("UPDATE phone_numbers SET state = 'importing'").run();
    await expireLeases();
    twilio.faults.add({ effect: effects.serverErrorHtml, times: null });
    await reconcile();
    expect(await rows("phone_numbers")).toHaveLength(1);
    const week = new Date(Date.now() - 8 * 86_400_000).toISOString();
    await env.DB.prepare("UPDATE phone_numbers SET created_at = ?1").bind(week).run();
    await expireLeases();
    await reconcile();
    expect(await rows("phone_numbers")).toEqual([]);
    expect(await rows("unreturned_configurations")).toHaveLength(1);
    twilio.faults.clear();
    expect((await importIt()).status).toBe(201);
    expect((await call("DELETE", NUMBER, key)).status).toBe(200);
    expect(now()).toEqual(before);
  });
});

describe("a release that was left unfinished", () => {
  it("is carried through", async () => {
    const { importIt, before, now } = await prepare();
    await importIt();
    await env.DB.prepare("UPDATE phone_numbers SET state = 'releasing'").run();
    await expireLeases();
    await reconcile();
    expect(now()).toEqual(before);
    expect(await rows("phone_numbers")).toEqual([]);
  });

  it("done twice by messages that come twice is done once", async () => {
    const { importIt, before, now } = await prepare();
    await importIt();
    await env.DB.prepare("UPDATE phone_numbers SET state = 'releasing'").run();
    await expireLeases();
    await Promise.all([reconcile(), reconcile()]);
    await deliverQueued();
    expect(now()).toEqual(before);
    expect(await rows("phone_numbers")).toEqual([]);
  });
});
