import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { watchedDatabase } from "../support/database.ts";
import { type ImportRequest, prepareImport } from "../support/import.ts";
import { reconcile } from "../support/reconciliation.ts";
import { twilio } from "../support/twilio.ts";
import { BASE, call, createAgent, createKey, expectError, type Key, rows } from "../support/worker.ts";
import { effects } from "../twilio-simulator/faults.ts";
import type { NumberResource } from "../twilio-simulator/resource.ts";

// A number points here by the id of a row of another key, which gives way to the importer's. What its owner had there
// before goes with it, whatever becomes of the import.

const PATH = "/v1/phone-numbers/%2B447446466847";

async function prepare() {
  const prepared = await prepareImport({
    voice_url: "https://old.example.com/voice?key=1",
    sms_url: "https://old.example.com/sms",
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

async function another({ body }: Importer): Promise<Importer> {
  const key = await createKey();
  return { key, body: { ...body, agent_id: await createAgent(key) } };
}

/** Imported, and released while Twilio was down: it still points at the row of that key. */
async function leftReturning(): Promise<Prepared> {
  const prepared = await prepare();
  expect((await importIt(prepared)).status).toBe(201);
  twilio.faults.add({ effect: effects.serverErrorHtml, times: null });
  expect((await call("DELETE", PATH, prepared.key)).status).toBe(200);
  twilio.faults.clear();
  return prepared;
}

/** Imported by a key that was revoked since: it is answered on. */
async function leftOrphaned(): Promise<Prepared> {
  const prepared = await prepare();
  expect((await importIt(prepared)).status).toBe(201);
  const headers = { authorization: `Bearer ${env.ADMIN_TOKEN}` };
  const path = `/v1/keys/${prepared.key.key_id}`;
  expect((await call("DELETE", path, prepared.key, undefined, { headers })).status).toBe(200);
  return prepared;
}

const letTimePass = async (overrides: Partial<Env> = {}) => {
  await env.DB.prepare("UPDATE phone_numbers SET lease_expires_at = '2020' WHERE state <> 'active'").run();
  await env.DB.prepare("UPDATE phone_numbers SET next_attempt_at = NULL, outcome_unknown_until = NULL").run();
  await reconcile(overrides);
};

describe.each([
  ["returning", leftReturning],
  ["of a revoked key", leftOrphaned],
])("a row that is %s, and D1's answer to the claim is lost", (_, leave) => {
  it("the number is given back, or answered: it does not point at a row that is gone", async () => {
    const prepared = await leave();
    const { DB } = watchedDatabase({ trip: 3, when: "after" });
    await expectError(await importIt(await another(prepared), { DB }), 503, "storage_unavailable");
    await letTimePass();
    const ids = (await rows<{ id: string; twilio_account_id: string }>("phone_numbers")).map(
      ({ id, twilio_account_id }) => `${BASE}/webhooks/twilio/${twilio_account_id}/${id}/voice`,
    );
    expect([prepared.before.voice_url, ...ids]).toContain(held(prepared).voice_url);
  });

  it("the next import and release give back what its owner had", async () => {
    const prepared = await leave();
    const importer = await another(prepared);
    const { DB } = watchedDatabase({ trip: 3, when: "after" });
    await expectError(await importIt(importer, { DB }), 503, "storage_unavailable");
    expect((await importIt(importer)).status).toBe(201);
    expect((await call("DELETE", PATH, importer.key)).status).toBe(200);
    expect(held(prepared)).toEqual(prepared.before);
  });
});

describe("a row that is returning, and the deployment has another address by now", () => {
  const MOVED = { PUBLIC_BASE_URL: "https://moved.example.com", PREVIOUS_PUBLIC_BASE_URL: BASE };

  /** The claim is made; whether its update was carried out cannot be found out. */
  async function importUnsettled() {
    const prepared = await leftReturning();
    const importer = await another(prepared);
    twilio.faults.add({ operation: "update", effect: effects.reset });
    twilio.faults.add({ operation: "fetch", effect: effects.serverErrorHtml, times: null });
    expect((await importIt(importer, MOVED)).status).toBe(502);
    twilio.faults.clear();
    return { prepared, importer };
  }

  it("an import of it that is left unfinished is undone: the number points at the row before", async () => {
    const { prepared } = await importUnsettled();
    await letTimePass(MOVED);
    expect(held(prepared)).toEqual(prepared.before);
    expect(await rows("phone_numbers")).toEqual([]);
  });

  it("or finished: our own former URLs are nothing that its owner had", async () => {
    const { prepared, importer } = await importUnsettled();
    expect((await importIt(importer, MOVED)).status).toBe(201);
    const released = await call("DELETE", PATH, importer.key, undefined, { env: MOVED });
    expect(released.status).toBe(200);
    expect(held(prepared)).toEqual(prepared.before);
  });
});
