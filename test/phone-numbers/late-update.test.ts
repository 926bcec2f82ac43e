import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { watchedDatabase } from "../support/database.ts";
import { type ImportRequest, prepareImport } from "../support/import.ts";
import { reconcile } from "../support/reconciliation.ts";
import { twilio } from "../support/twilio.ts";
import { BASE, call, createAgent, createKey, expectError, type Key, rows } from "../support/worker.ts";
import { effects } from "../twilio-simulator/faults.ts";
import type { NumberResource } from "../twilio-simulator/resource.ts";

// Twilio may carry out an update after the connection has dropped. What the number holds now then proves nothing of what
// it will hold, unless only the update in question can have put it there.

const IMPATIENT = { TWILIO_TIMEOUT_MS: "40" };
const PATH = "/v1/phone-numbers/%2B447446466847";

async function prepare() {
  const prepared = await prepareImport({
    voice_url: "https://old.example.com/voice?key=1",
    sms_url: "https://old.example.com/sms",
    status_callback: "https://old.example.com/status",
    trunk_sid: `TK${"0".repeat(32)}`,
  });
  return { ...prepared, before: configuration(prepared.number) };
}

type Prepared = Awaited<ReturnType<typeof prepare>>;

function configuration({ date_updated: _, ...fields }: NumberResource) {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, value ?? ""]));
}

const held = ({ number }: Prepared) => configuration(twilio.state.numbers.get(number.sid) as NumberResource);

type Importer = { key: Key; body: ImportRequest };

const importIt = ({ key, body }: Importer, overrides: Partial<Env> = {}) =>
  call("POST", "/v1/phone-numbers", key, body, { env: overrides });

const release = ({ key }: Importer, overrides: Partial<Env> = {}) =>
  call("DELETE", PATH, key, undefined, { env: overrides });

/** The same number, imported by somebody else who has the account's credentials. */
async function another({ body }: Importer): Promise<Importer> {
  const key = await createKey();
  return { key, body: { ...body, agent_id: await createAgent(key) } };
}

/** The connection drops, and the update is carried out once so many further requests have been answered. */
const updateLate = (requests: number) =>
  twilio.faults.add({ operation: "update", effect: { kind: "late", requests, answer: "reset" } });

const cannotBeRead = () =>
  twilio.faults.add({ operation: "fetch", effect: effects.serverErrorHtml, times: null });

/** An import whose update may still be carried out, and whose number cannot be read back. */
async function importUnsettled(importer: Importer, requests: number): Promise<void> {
  updateLate(requests);
  cannotBeRead();
  await expectError(await importIt(importer, IMPATIENT), 502, "twilio_unavailable");
  twilio.faults.clear();
}

/** All that may still happen at Twilio happens; later on the cron runs. */
async function letTimePass(overrides: Partial<Env> = {}): Promise<void> {
  await twilio.finishLate();
  await env.DB.prepare("UPDATE phone_numbers SET lease_expires_at = '2020' WHERE state <> 'active'").run();
  await env.DB.prepare("UPDATE phone_numbers SET next_attempt_at = NULL, outcome_unknown_until = NULL").run();
  await reconcile(overrides);
}

async function expectAsBefore(prepared: Prepared): Promise<void> {
  expect(held(prepared)).toEqual(prepared.before);
  expect(await rows("phone_numbers")).toEqual([]);
}

describe.each<[string, (prepared: Prepared) => Promise<Importer>]>([
  [
    "left importing, its outcome unknown",
    async (prepared) => {
      twilio.faults.add({ operation: "update", effect: effects.replyLost });
      cannotBeRead();
      await expectError(await importIt(prepared), 502, "twilio_unavailable");
      return prepared;
    },
  ],
  [
    "left returning, as Twilio was down when it was released",
    async (prepared) => {
      expect((await importIt(prepared)).status).toBe(201);
      twilio.faults.add({ effect: effects.serverErrorHtml, times: null });
      expect((await release(prepared)).status).toBe(200);
      return prepared;
    },
  ],
  [
    "left returning, and imported by another key",
    async (prepared) => {
      expect((await importIt(prepared)).status).toBe(201);
      twilio.faults.add({ effect: effects.serverErrorHtml, times: null });
      expect((await release(prepared)).status).toBe(200);
      return another(prepared);
    },
  ],
  [
    "of a revoked key, and imported by another",
    async (prepared) => {
      expect((await importIt(prepared)).status).toBe(201);
      const headers = { authorization: `Bearer ${env.ADMIN_TOKEN}` };
      const revoked = await call("DELETE", `/v1/keys/${prepared.key.key_id}`, prepared.key, undefined, {
        headers,
      });
      expect(revoked.status).toBe(200);
      return another(prepared);
    },
  ],
])("a number that points here already, %s", (_, leave) => {
  it("is imported again, and that update is carried out late: it is given back all the same", async () => {
    const prepared = await prepare();
    const importer = await leave(prepared);
    twilio.faults.clear();
    expect(held(prepared).voice_url).toContain(BASE);
    updateLate(1);
    const error = await expectError(await importIt(importer, IMPATIENT), 502, "twilio_unavailable");
    expect(error.message).not.toContain("Nothing was changed");
    expect(error.details).toMatchObject({ outcome: "unknown" });
    await letTimePass();
    await expectAsBefore(prepared);
  });

  it("and what its owner had is not lost: the next import and release give it back", async () => {
    const prepared = await prepare();
    const importer = await leave(prepared);
    twilio.faults.clear();
    updateLate(1);
    await expectError(await importIt(importer, IMPATIENT), 502, "twilio_unavailable");
    await twilio.finishLate();
    expect((await importIt(importer)).status).toBe(201);
    expect((await release(importer)).status).toBe(200);
    expect(held(prepared)).toEqual(prepared.before);
    // The row is kept out of sight until nothing can come late any more.
    await letTimePass();
    await expectAsBefore(prepared);
  });
});

describe("the update of an import may still be carried out, and the owner imports again", () => {
  it("which Twilio refuses: the first one is undone all the same", async () => {
    const prepared = await prepare();
    await importUnsettled(prepared, 99);
    twilio.faults.add({ operation: "update", effect: effects.tooManyRequestsRetryAfter(60) });
    await expectError(await importIt(prepared, IMPATIENT), 503, "twilio_rate_limited");
    await letTimePass();
    await expectAsBefore(prepared);
  });

  it("which Twilio refuses, and the first one was carried out after the number was looked up", async () => {
    const prepared = await prepare();
    await importUnsettled(prepared, 0);
    twilio.faults.add({ operation: "update", effect: effects.invalidUrl });
    await expectError(await importIt(prepared, IMPATIENT), 422, "twilio_update_rejected");
    await letTimePass();
    await expectAsBefore(prepared);
  });

  it("late too, and the first one was carried out after the number was looked up", async () => {
    const prepared = await prepare();
    await importUnsettled(prepared, 0);
    updateLate(1);
    await expectError(await importIt(prepared, IMPATIENT), 502, "twilio_unavailable");
    await letTimePass();
    await expectAsBefore(prepared);
  });

  it("late too, and the first one is what is seen: the second has all its time yet", async () => {
    const prepared = await prepare();
    await importUnsettled(prepared, 0);
    const soon = new Date(Date.now() + 5_000).toISOString();
    await env.DB.prepare("UPDATE phone_numbers SET outcome_unknown_until = ?1").bind(soon).run();
    updateLate(99);
    await expectError(await importIt(prepared, IMPATIENT), 502, "twilio_unavailable");
    const [row] = await rows<{ outcome_unknown_until: string }>("phone_numbers");
    expect((row?.outcome_unknown_until ?? "") > soon).toBe(true);
  });

  it("late too, and somebody keeps watch when the first one is carried out", async () => {
    const prepared = await prepare();
    await importUnsettled(prepared, 1);
    updateLate(2);
    await expectError(await importIt(prepared, IMPATIENT), 502, "twilio_unavailable");
    await letTimePass();
    await expectAsBefore(prepared);
  });

  it("with success, and releases the number before the first one is carried out", async () => {
    const prepared = await prepare();
    await importUnsettled(prepared, 99);
    expect((await importIt(prepared)).status).toBe(201);
    expect((await release(prepared)).status).toBe(200);
    await letTimePass();
    await expectAsBefore(prepared);
  });
});

describe("the update of an import may still be carried out, and the owner releases the number", () => {
  it("and again, since D1 failed at the end of the first release", async () => {
    const prepared = await prepare();
    await importUnsettled(prepared, 99);
    const { DB } = watchedDatabase({ trip: 4, when: "before" });
    await expectError(await release(prepared, { DB }), 503, "storage_unavailable");
    expect((await release(prepared)).status).toBe(200);
    await letTimePass();
    await expectAsBefore(prepared);
  });
});

describe("a repair may still be carried out, and the owner releases the number", () => {
  it("which was re-pointed, and stays as its owner has it", async () => {
    const prepared = await prepare();
    expect((await importIt(prepared)).status).toBe(201);
    const number = twilio.state.numbers.get(prepared.number.sid) as NumberResource;
    number.voice_url = "https://new.example.com/voice";
    updateLate(99);
    await call("POST", `${PATH}/check`, prepared.key, undefined, { env: IMPATIENT });
    expect((await release(prepared)).status).toBe(200);
    expect(held(prepared).voice_url).toBe("https://new.example.com/voice");
    await letTimePass();
    expect(held(prepared).voice_url).toBe("https://new.example.com/voice");
    expect(await rows("phone_numbers")).toEqual([]);
  });
});
