import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { RECONCILIATION } from "../../src/queues.ts";
import { haveImported } from "../support/answering.ts";
import { deliverQueued, runCron } from "../support/consume.ts";
import { startCustomer } from "../support/customer.ts";
import { watchedDatabase } from "../support/database.ts";
import { prepareImport } from "../support/import.ts";
import { allowAllErrors } from "../support/logs.ts";
import { reconcile } from "../support/reconciliation.ts";
import { twilio } from "../support/twilio.ts";
import { call, expectError, get, type Key, rows } from "../support/worker.ts";
import { type Effect, effects } from "../twilio-simulator/faults.ts";
import type { NumberResource } from "../twilio-simulator/resource.ts";
import { addMessagingService } from "../twilio-simulator/state.ts";

// The fields of a channel that is not taken over stay byte for byte as they were, whatever happens to the other.

const NUMBER = "/v1/phone-numbers/%2B447446466847";
const TRUNK = `TK${"1".repeat(32)}`;
const OWNED = {
  voice_url: "https://Owner.example/voice?key=secret#rc=5",
  voice_method: "GET",
  voice_fallback_url: "https://owner.example/voice-fallback",
  voice_fallback_method: "GET",
  voice_receive_mode: "fax",
  trunk_sid: TRUNK,
  status_callback: "https://owner.example/status",
  status_callback_method: "GET",
  sms_url: "https://Reminders.example/sms?key=secret#rc=5",
  sms_method: "GET",
  sms_fallback_url: "https://reminders.example/fallback",
  sms_fallback_method: "GET",
} satisfies Partial<NumberResource>;

type Channel = "voice" | "sms";
const otherOf = (channel: Channel): Channel => (channel === "voice" ? "sms" : "voice");

/** The fields of a channel, as Twilio has them. */
function fieldsOf(number: NumberResource, channel: Channel): Record<string, unknown> {
  const isIts = (name: string) =>
    channel === "sms" ? name.startsWith("sms_") : /^(?:voice_|trunk_sid|status_callback)/.test(name);
  return Object.fromEntries(Object.entries(number).filter(([name]) => isIts(name)));
}

async function prepare(channels?: readonly Channel[], fields: Partial<NumberResource> = OWNED) {
  const { key, body, number, account } = await prepareImport(fields);
  const before = structuredClone(number);
  const importIt = (chosen: unknown = channels) =>
    call("POST", "/v1/phone-numbers", key, { ...body, ...(chosen !== undefined && { channels: chosen }) });
  const found = () => twilio.state.numbers.get(number.sid) as NumberResource;
  const isAsFound = (channel: Channel) =>
    expect(fieldsOf(found(), channel)).toEqual(fieldsOf(before, channel));
  const patch = (change: object, overrides: Partial<Env> = {}) =>
    call("PATCH", NUMBER, key, change, { env: overrides });
  return { key, body, account, importIt, found, isAsFound, patch, before };
}

async function imported(channels?: readonly Channel[], fields?: Partial<NumberResource>) {
  const prepared = await prepare(channels, fields);
  expect((await prepared.importIt()).status).toBe(201);
  return prepared;
}

const shown = async (key: Key) =>
  (await (await get(NUMBER, key)).json<{ phone_number: { channels: string[]; health: string } }>())
    .phone_number;

const pointsHere = (number: NumberResource, channel: Channel) =>
  JSON.stringify(fieldsOf(number, channel)).includes("/webhooks/twilio/");

/** The lease of a request that died is over, and so is the time in which Twilio may still act. */
async function recover(): Promise<void> {
  await env.DB.prepare(
    `UPDATE phone_numbers SET next_attempt_at = NULL, outcome_unknown_until = NULL,
       lease_expires_at = CASE WHEN lease_expires_at IS NULL THEN NULL ELSE '2020' END`,
  ).run();
  await runCron("*/15 * * * *");
  await deliverQueued(RECONCILIATION);
}

describe.each<Channel>(["voice", "sms"])("a number imported for %s", (channel) => {
  const other = otherOf(channel);

  it("has the other channel as it was, from the import to the release", async () => {
    const { key, found, isAsFound, patch, before } = await imported([channel]);
    expect(pointsHere(found(), channel)).toBe(true);
    isAsFound(other);
    expect(await shown(key)).toMatchObject({ channels: [channel], health: "ok" });

    const field = channel === "sms" ? "sms_url" : "voice_url";
    found()[field] = "https://elsewhere.example/";
    await reconcile();
    expect(pointsHere(found(), channel)).toBe(true);
    isAsFound(other);
    expect((await patch({ inbound_enabled: false, drift_policy: "report" })).status).toBe(200);
    isAsFound(other);
    expect((await call("DELETE", NUMBER, key)).status).toBe(200);
    isAsFound(other);
    expect(found()[field]).toBe(before[field]);
  });

  it("is not drifted by an edit of the other, and names itself if it drifts", async () => {
    const customer = startCustomer();
    const { key, body, found, importIt } = await prepare([channel], {});
    await call("PATCH", `/v1/agents/${body.agent_id}`, key, { webhook_url: customer.url });
    expect((await importIt()).status).toBe(201);
    const edit = { sms: { sms_url: "https://a.example/" }, voice: { voice_url: "https://a.example/" } };
    Object.assign(found(), edit[other]);
    await reconcile();
    Object.assign(found(), edit[channel]);
    await reconcile();
    const told = customer.events().filter(({ event }) => event === "number.repaired");
    expect(told).toMatchObject([{ reasons: ["url_mismatch"], channels: [channel] }]);
    expect(found()).toMatchObject(edit[other]);
    await call("PATCH", NUMBER, key, { drift_policy: "report" });
    Object.assign(found(), edit[channel]);
    await reconcile();
    expect(customer.events().at(-1)).toMatchObject({ event: "number.drifted", channels: [channel] });
  });

  it("plans only its own fields", async () => {
    const { key, body } = await prepare();
    const response = await call("POST", "/v1/phone-numbers?dry_run=true", key, {
      ...body,
      channels: [channel],
    });
    const plan = await response.json<{
      changes: { field: string }[];
      plan_hash: string;
      warnings: object[];
    }>();
    for (const { field } of plan.changes) expect(field.startsWith("sms_")).toBe(channel === "sms");
    expect(plan.warnings.length > 0).toBe(channel === "voice");
    const changed = { ...body, channels: [other], plan_hash: plan.plan_hash };
    await expectError(await call("POST", "/v1/phone-numbers", key, changed), 409, "plan_changed");
    expect((await call("POST", "/v1/phone-numbers", key, { ...changed, channels: [channel] })).status).toBe(
      201,
    );
  });

  it("gets the other by PATCH, with what it has by then kept, and gives back each as it was found", async () => {
    const { key, found, patch, before } = await imported([channel]);
    const edited = {
      sms: { sms_url: "https://later.example/" },
      voice: { voice_url: "https://later.example/" },
    };
    Object.assign(found(), edited[other]);
    expect((await patch({ channels: ["sms", "voice"] })).status).toBe(200);
    expect(pointsHere(found(), other)).toBe(true);
    expect(await shown(key)).toMatchObject({ channels: ["voice", "sms"], health: "ok" });
    await reconcile();
    expect(await shown(key)).toMatchObject({ channels: ["voice", "sms"], health: "ok" });

    const released = await call("DELETE", NUMBER, key);
    expect(released.status).toBe(200);
    const field = channel === "sms" ? "sms_url" : "voice_url";
    expect(found()).toMatchObject({ ...edited[other], [field]: before[field] });
    expect(JSON.stringify(found())).not.toContain("/webhooks/twilio/");
  });

  it("gives itself back where the other is wanted instead", async () => {
    const { key, found, patch, before } = await imported([channel]);
    const response = await patch({ channels: [other] });
    const answer = await response.json<{
      given_back: { twilio: Record<string, string> };
      phone_number: object;
    }>();
    expect(answer.phone_number).toMatchObject({ channels: [other] });
    expect(answer.given_back.twilio).toMatchObject({ [channel]: "restored", [other]: "left_alone" });
    expect(pointsHere(found(), other)).toBe(true);
    const field = channel === "sms" ? "sms_url" : "voice_url";
    expect(found()[field]).toBe(before[field]);
    expect(await shown(key)).toMatchObject({ channels: [other] });
  });

  it("answers what comes in on the other as for a number without an agent", async () => {
    const customer = startCustomer();
    const { key, phoneNumber } = await haveImported({ webhook_url: customer.url, welcome_message: "Hello." });
    const number = [...twilio.state.numbers.values()].find(
      ({ phone_number }) => phone_number === phoneNumber,
    );
    const stale = structuredClone(number);
    expect((await call("PATCH", NUMBER, key, { channels: [channel] })).status).toBe(200);
    customer.received.length = 0;
    Object.assign(number ?? {}, stale);
    const { twiml } = await twilio.ring(phoneNumber);
    await twilio.text(phoneNumber);
    expect(twiml?.includes("Hello.")).toBe(channel === "voice");
    expect(twiml?.includes("not taking calls")).toBe(channel === "sms");
    const told = customer.events().map(({ event }) => event);
    expect(told.includes("sms.received")).toBe(channel === "sms");
    expect(told.includes("call.started")).toBe(channel === "voice");
  });
});

describe("channels", () => {
  it.each<[string, Partial<NumberResource["capabilities"] & object>, unknown, string[]]>([
    ["texts of a number that cannot", { sms: false }, ["sms"], ["voice"]],
    ["both of a number that cannot text", { sms: false }, ["voice", "sms"], ["voice"]],
    ["calls of a number that cannot", { voice: false }, ["voice"], ["sms"]],
    ["a number that can do neither", { voice: false, sms: false }, undefined, []],
  ])("are refused: %s", async (_, lacking, channels, can) => {
    const { importIt, before, found } = await prepare(undefined, {
      ...OWNED,
      capabilities: { voice: true, sms: true, mms: false, fax: true, ...lacking },
    });
    const error = await expectError(await importIt(channels), 400, "channel_not_supported");
    expect(error.details).toMatchObject({ channels: can });
    expect(found()).toEqual(before);
    expect(await rows("phone_numbers")).toEqual([]);
  });

  it("are refused where only Twilio's refusal says that the number cannot text", async () => {
    const { importIt, patch, isAsFound, key } = await prepare();
    twilio.faults.add({ operation: "update", effect: effects.cannotText, times: 2 });
    for (const channels of [["sms"], ["voice", "sms"]]) {
      const error = await expectError(await importIt(channels), 400, "channel_not_supported");
      expect(error.details).toMatchObject({ channels: ["voice"] });
    }
    expect(await rows("phone_numbers")).toEqual([]);
    twilio.faults.add({ operation: "update", effect: effects.cannotText });
    expect((await importIt()).status).toBe(201);
    expect(await shown(key)).toMatchObject({ channels: ["voice"] });
    twilio.faults.add({ operation: "update", effect: effects.cannotText });
    await expectError(await patch({ channels: ["voice", "sms"] }), 400, "channel_not_supported");
    expect(await shown(key)).toMatchObject({ channels: ["voice"] });
    isAsFound("sms");
  });

  it("are all that the number can, by default", async () => {
    const { key, isAsFound } = await imported(undefined, {
      ...OWNED,
      capabilities: { voice: false, sms: true, mms: false, fax: false },
    });
    expect(await shown(key)).toMatchObject({ channels: ["sms"] });
    isAsFound("voice");
  });

  it.each<[unknown]>([[[]], [["fax"]], ["voice"], [[1]], [[null]]])("are refused: %j", async (channels) => {
    const { importIt, patch } = await prepare();
    const error = await expectError(await importIt(channels), 400, "invalid_field");
    expect(error.details.problems).toMatchObject([{ field: expect.stringMatching(/^channels/) }]);
    expect((await importIt()).status).toBe(201);
    await expectError(await patch({ channels }), 400, "invalid_field");
  });

  it("warn of a Messaging Service that keeps the texts, and only then", async () => {
    const { key, body, patch } = await prepare();
    const [number] = twilio.state.numbers.values();
    addMessagingService(twilio.state, { numberSids: [number?.sid ?? ""] });
    const warned = async (response: Response) =>
      (await response.json<{ warnings: { code: string }[] }>()).warnings.map(({ code }) => code);
    const plan = (channels: Channel[]) =>
      call("POST", "/v1/phone-numbers?dry_run=true", key, { ...body, channels });
    expect(await warned(await plan(["sms"]))).toEqual(["in_messaging_service"]);
    expect(await warned(await plan(["voice"]))).not.toContain("in_messaging_service");
    await call("POST", "/v1/phone-numbers", key, { ...body, channels: ["voice"] });
    const both = { channels: ["voice", "sms"] };
    expect((await patch(both)).status).toBe(200);
  });

  it("are planned by a PATCH that changes nothing", async () => {
    const { key, patch, isAsFound } = await imported(["voice"]);
    const plan = await (await patch({ channels: ["sms"], dry_run: true })).json<{
      changes: object[];
      twilio_changes: { field: string; present: string; new: string }[];
    }>();
    expect(plan.changes).toEqual([{ field: "channels", present: ["voice"], new: ["sms"] }]);
    const planned = new Map(plan.twilio_changes.map((change) => [change.field, change]));
    expect(planned.get("sms_url")).toMatchObject({ new: expect.stringContaining("{id}/sms") });
    expect(planned.get("voice_url")).toMatchObject({ new: expect.stringContaining("[redacted]") });
    isAsFound("sms");
    expect(await shown(key)).toMatchObject({ channels: ["voice"] });
  });

  it("of an earlier, unfinished import are given back if this one does not want them", async () => {
    const { key, importIt, isAsFound } = await prepare(["voice"]);
    await importIt(["voice", "sms"]);
    await env.DB.prepare("UPDATE phone_numbers SET state = 'importing', lease_expires_at = '2020'").run();
    expect((await importIt(["voice"])).status).toBe(201);
    await recover();
    isAsFound("sms");
    expect(await shown(key)).toMatchObject({ channels: ["voice"] });
    expect(await rows("phone_numbers")).toMatchObject([{ changing_channel: null, lease_expires_at: null }]);
  });
});

describe("a change of channels", () => {
  it("is refused while somebody is at work on the number", async () => {
    const { patch, isAsFound } = await imported(["voice"]);
    await env.DB.prepare("UPDATE phone_numbers SET lease_expires_at = '2999'").run();
    await expectError(await patch({ channels: ["voice", "sms"] }), 409, "release_in_progress");
    isAsFound("sms");
  });

  it.each<[string, Effect]>([
    ["does not carry it out", effects.ignored],
    ["refuses", effects.invalidUrl],
    ["fails", effects.serverErrorHtml],
    ["carries it out and fails", effects.appliedButServerError],
  ])("is undone where Twilio %s", async (_, effect) => {
    const { key, patch, isAsFound } = await imported(["voice"]);
    twilio.faults.add({ operation: "update", effect });
    expect((await patch({ channels: ["voice", "sms"] })).status).toBeGreaterThanOrEqual(400);
    await recover();
    isAsFound("sms");
    expect(await shown(key)).toMatchObject({ channels: ["voice"] });
    expect((await patch({ channels: ["voice", "sms"] })).status).toBe(200);
  });

  it.each<[string, Effect]>([
    ["never", effects.reset],
    ["at once", effects.replyLost],
    ["later", { kind: "late", requests: 2, answer: "reset" }],
  ])("is undone by recovery where nobody knows, and Twilio carries it out %s", async (_, effect) => {
    const { key, patch, isAsFound } = await imported(["voice"]);
    twilio.faults.add({ operation: "update", effect });
    const error = await expectError(await patch({ channels: ["voice", "sms"] }), 502, "twilio_unavailable");
    expect(error.details).toMatchObject({ outcome: "unknown" });
    await twilio.finishLate();
    await recover();
    isAsFound("sms");
    expect(await shown(key)).toMatchObject({ channels: ["voice"], health: "ok" });
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])("ends whole or undone where D1 dies at trip %i", async (trip) => {
    allowAllErrors();
    for (const [from, to] of [
      [["voice"], ["voice", "sms"]],
      [["voice", "sms"], ["voice"]],
      [["sms"], ["voice"]],
    ] as [Channel[], Channel[]][]) {
      const { key, patch, isAsFound, found } = await imported(from);
      const { DB } = watchedDatabase({ trip, when: trip % 2 ? "after" : "before", times: 99 });
      await patch({ channels: to }, { DB });
      await recover();
      await recover();
      const { channels } = await shown(key);
      expect([from, to, ["voice", "sms"]]).toContainEqual(channels);
      for (const channel of ["voice", "sms"] as const) {
        expect(pointsHere(found(), channel), `${channel} of ${channels}`).toBe(channels.includes(channel));
        if (!from.includes(channel) && !channels.includes(channel)) isAsFound(channel);
      }
      expect(await rows("phone_numbers")).toMatchObject([{ changing_channel: null, lease_expires_at: null }]);
      expect((await call("DELETE", NUMBER, key)).status).toBe(200);
      expect(JSON.stringify(found())).not.toContain("/webhooks/twilio/");
    }
  });

  it("gives a channel back here although Twilio is down, and there as soon as it is up", async () => {
    const { key, patch, found, before } = await imported();
    twilio.faults.add({ operation: "fetch", effect: effects.serverErrorHtml, times: null });
    const { given_back } = await (await patch({ channels: ["voice"] })).json<{
      given_back: { twilio: object; reason: string; requests: string[] };
    }>();
    expect(given_back).toMatchObject({
      twilio: { sms: "unreachable", voice: "left_alone" },
      reason: "twilio_unavailable",
    });
    expect(given_back.requests.join()).toContain("SmsUrl");
    expect(given_back.requests.join()).not.toContain("VoiceUrl");
    expect(await shown(key)).toMatchObject({ channels: ["voice"] });
    expect(pointsHere(found(), "sms")).toBe(true);
    twilio.faults.clear();
    await recover();
    expect(found().sms_url).toBe(before.sms_url);
    expect(pointsHere(found(), "voice")).toBe(true);
  });

  it("adds calls though the routing record cannot be read, and health says so until it can", async () => {
    const { key, patch, found } = await imported(["sms"]);
    twilio.faults.add({ operation: "routing", effect: effects.serverErrorHtml, times: null });
    expect((await patch({ channels: ["voice", "sms"] }, {})).status).toBe(200);
    expect(pointsHere(found(), "voice")).toBe(true);
    expect(await shown(key)).toMatchObject({ channels: ["voice", "sms"], health: "region_unchecked" });
    twilio.faults.clear();
    await reconcile();
    expect(await shown(key)).toMatchObject({ health: "ok" });
  });

  it("keeps what is wrong with the channel that stays, and tells it once", async () => {
    const customer = startCustomer();
    const { key, body, patch, found } = await imported(undefined, {});
    await call("PATCH", `/v1/agents/${body.agent_id}`, key, { webhook_url: customer.url });
    await patch({ drift_policy: "report" });
    Object.assign(found(), { voice_url: "https://elsewhere.example/", sms_method: "GET" });
    await reconcile();
    expect(await shown(key)).toMatchObject({ health_reasons: ["url_mismatch", "wrong_method"] });
    await patch({ channels: ["voice"] });
    expect(await shown(key)).toMatchObject({ health_reasons: ["url_mismatch"] });
    await reconcile();
    const told = customer.events().filter(({ event }) => event === "number.drifted");
    expect(told).toHaveLength(1);
  });

  it("ends what was found wrong with the channel that is given back", async () => {
    const { key, patch, found } = await imported();
    await patch({ drift_policy: "report" });
    Object.assign(found(), { sms_url: "https://elsewhere.example/" });
    await reconcile();
    expect(await shown(key)).toMatchObject({ health: "url_mismatch" });
    await patch({ channels: ["voice"] });
    expect(await shown(key)).toMatchObject({ health: "ok" });
    expect(found().sms_url).toBe("https://elsewhere.example/");
    await reconcile();
    expect(await shown(key)).toMatchObject({ health: "ok" });
  });

  it("takes no first text away, though another isolate knows the old channels", async () => {
    const customer = startCustomer();
    const { key, phoneNumber } = await haveImported({ webhook_url: customer.url });
    await call("PATCH", NUMBER, key, { channels: ["voice"] });
    await twilio.ring(phoneNumber);
    // As another isolate would do it: this one's routes are not forgotten.
    await env.DB.prepare(`UPDATE phone_numbers SET channels = '["voice","sms"]'`).run();
    await reconcile();
    await twilio.text(phoneNumber);
    expect(customer.events().map(({ event }) => event)).toContain("sms.received");
  });
});
