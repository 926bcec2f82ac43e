import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { haveImported, type Imported, tell } from "../support/answering.ts";
import { startCustomer } from "../support/customer.ts";
import { breakOutboxes, outboxRows, withStorage } from "../support/outbox.ts";
import { BASE, call, createKey, expectError, get, rows, send } from "../support/worker.ts";

const ADMIN = { authorization: `Bearer ${env.ADMIN_TOKEN}` };

function ask(method: string, path: string, body?: unknown, headers: Record<string, string> = ADMIN) {
  const type = body === undefined ? {} : { "content-type": "application/json" };
  const text = body === undefined ? null : JSON.stringify(body);
  return send(new Request(`${BASE}${path}`, { method, headers: { ...headers, ...type }, body: text }));
}

const pathOf = ({ key }: Pick<Imported, "key">) => `/v1/keys/${key.key_id}/deliveries`;
const AGES_AGO = "2020-01-01T00:00:00.000Z";

/** A number with one event that failed, and a customer who would take it now. */
async function haveFailed() {
  let status = 410;
  const customer = startCustomer(() => new Response("", { status }));
  const imported = await haveImported({ webhook_url: customer.url });
  status = 200;
  customer.received.length = 0;
  return { customer, imported };
}

describe("GET /v1/keys/{key_id}/deliveries", () => {
  it("shows the operator what the key's owner sees", async () => {
    const { imported } = await haveFailed();
    const own = await get("/v1/webhooks/deliveries?state=failed", imported.key);
    const shown = await ask("GET", `${pathOf(imported)}?state=failed`);
    expect(await shown.json()).toEqual(await own.json());
  });

  it("is 503 while the outbox does not answer", async () => {
    const { imported } = await haveFailed();
    breakOutboxes({ methods: ["list"] });
    await expectError(await ask("GET", pathOf(imported)), 503, "storage_unavailable");
  });
});

describe("POST /v1/keys/{key_id}/deliveries/redeliver", () => {
  it("delivers again what failed in a time, and nothing else", async () => {
    const { customer, imported } = await haveFailed();
    await tell(imported, "sms", { MessageSid: "SM1", Body: "x" });
    customer.received.length = 0;
    const before = await ask("POST", `${pathOf(imported)}/redeliver`, { since: AGES_AGO, until: AGES_AGO });
    expect(await before.json()).toEqual({ key_id: imported.key.key_id, redelivered: 0 });
    const response = await ask("POST", `${pathOf(imported)}/redeliver`, { since: AGES_AGO });
    expect(await response.json()).toEqual({ key_id: imported.key.key_id, redelivered: 1 });
    expect(customer.events().map(({ event }) => event)).toEqual(["number.imported"]);
  });

  it("ends, though everything fails again at once", async () => {
    const { imported } = await haveFailed();
    await call("PUT", `/v1/agents/${imported.agentId}`, imported.key, { webhook_url: null });
    await withStorage((sql) => {
      sql.exec(
        `INSERT INTO events SELECT seq - n - 1, id || n, agent_id, lane, external_id, type, actor, state, attempts_left, next_attempt_at, queued_at,
           attempts, created_at, updated_at, payload_sealed FROM events, (SELECT value AS n FROM json_each(?))`,
        JSON.stringify(Array.from({ length: 1_500 }, (_, index) => index)),
      );
    });
    const response = await ask("POST", `${pathOf(imported)}/redeliver`, { since: AGES_AGO });
    expect(await response.json()).toMatchObject({ redelivered: 1_501 });
    const stored = await outboxRows<{ attempts: string; state: string }>();
    expect(new Set(stored.map(({ attempts, state }) => `${state} ${JSON.parse(attempts).length}`))).toEqual(
      new Set(["failed 2"]),
    );
  });

  it("delivers at once what waits for another attempt, also where its URL is left alone", async () => {
    let status = 500;
    const customer = startCustomer(() => new Response("", { status }));
    const imported = await haveImported({ webhook_url: customer.url });
    for (let event = 0; event < 12; event += 1)
      await tell(imported, "sms", { MessageSid: `SM${event}`, Body: "x" });
    expect(await outboxRows("circuits")).toHaveLength(1);
    status = 200;
    customer.received.length = 0;
    const response = await ask("POST", `${pathOf(imported)}/redeliver`, { since: AGES_AGO });
    expect(await response.json()).toMatchObject({ redelivered: 13 });
    expect(customer.received).toHaveLength(13);
  });

  it.each([
    [{}, "missing_field"],
    [{ since: "yesterday" }, "invalid_field"],
    [{ since: "2026-13-45T99:00:00Z" }, "invalid_field"],
    [{ since: AGES_AGO, until: 5 }, "invalid_field"],
  ])("refuses %o", async (body, code) => {
    const { imported } = await haveFailed();
    await expectError(await ask("POST", `${pathOf(imported)}/redeliver`, body), 400, code);
  });
});

describe("DELETE /v1/keys/{key_id}/deliveries", () => {
  it("deletes a customer's events, here and on their way here", async () => {
    const { customer, imported } = await haveFailed();
    breakOutboxes();
    await tell(imported, "sms", { MessageSid: "SM1", Body: "x" });
    breakOutboxes(false);
    expect(await rows("pending_events")).toHaveLength(1);
    const response = await ask("DELETE", pathOf(imported));
    expect(await response.json()).toEqual({ key_id: imported.key.key_id, deleted: true });
    expect([await rows("pending_events"), await outboxRows()]).toEqual([[], []]);
    // The number lives on, and so do its events.
    await tell(imported, "sms", { MessageSid: "SM2", Body: "x" });
    expect(customer.events().map(({ event }) => event)).toEqual(["sms.received"]);
  });

  it("touches nobody else's", async () => {
    await haveFailed();
    const other = await createKey();
    expect((await ask("DELETE", pathOf({ key: other }))).status).toBe(200);
    expect(await outboxRows()).toHaveLength(1);
  });
});

describe.each([
  ["GET", "", undefined],
  ["POST", "/redeliver", { since: AGES_AGO }],
  ["DELETE", "", undefined],
] as const)("%s /v1/keys/{key_id}/deliveries%s", (method, path, body) => {
  it("is the operator's alone", async () => {
    const { key } = (await haveFailed()).imported;
    const headers = { authorization: `Bearer ${key.key_id}:${key.key_secret}` };
    await expectError(await ask(method, pathOf({ key }) + path, body, headers), 401, "invalid_admin_token");
  });

  it("knows no key that there is not", async () => {
    for (const id of ["x", `nxf_${"0".repeat(32)}`]) {
      await expectError(await ask(method, `/v1/keys/${id}/deliveries${path}`, body), 404, "key_not_found");
    }
  });
});
