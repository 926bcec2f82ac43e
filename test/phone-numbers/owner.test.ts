import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { serialiseOwn } from "../../src/phone-numbers/change-settings.ts";
import { NOTHING_OWN } from "../../src/phone-numbers/settings.ts";
import { haveImported, tell } from "../support/answering.ts";
import { startCustomer } from "../support/customer.ts";
import { databaseBefore } from "../support/database.ts";
import { prepareImport } from "../support/import.ts";
import { keepSecret } from "../support/logs.ts";
import { requiresApiKey } from "../support/security.ts";
import { operations, twilio } from "../support/twilio.ts";
import { call, createAgent, createKey, expectError, get, type Key, rows } from "../support/worker.ts";
import { effects } from "../twilio-simulator/faults.ts";
import { addNumber } from "../twilio-simulator/state.ts";

const NUMBER = "/v1/phone-numbers/%2B447446466847";
/** What is a number's own, where nothing is. */
const UNSET = serialiseOwn(NOTHING_OWN);
type Entry = Record<string, unknown> & { phone_number: string };
type List = { phone_numbers: Entry[]; count: number; limit: number; offset: number };

const list = async (key: Key, query = "") => (await get(`/v1/phone-numbers${query}`, key)).json<List>();
const ring = async (imported: Parameters<typeof tell>[0], token?: string) =>
  tell(imported, "voice", { CallSid: "CA1" }, token === undefined ? {} : { token });

describe("GET /v1/phone-numbers", () => {
  it("lists a key's numbers, newest first, by agent and by pages", async () => {
    const { key, body, account } = await prepareImport();
    const other = await createAgent(key);
    const numbers = ["+15005550001", "+15005550002", "+15005550003"];
    for (const [index, phone_number] of numbers.entries()) {
      addNumber(twilio.state, account, { phone_number });
      const agent_id = index === 2 ? other : body.agent_id;
      await call("POST", "/v1/phone-numbers", key, { ...body, phone_number, agent_id });
      await env.DB.prepare("UPDATE phone_numbers SET created_at = ?1 WHERE phone_number = ?2")
        .bind(new Date(Date.now() + index * 1000).toISOString(), phone_number)
        .run();
    }
    const all = await list(key);
    expect(all.phone_numbers.map(({ phone_number }) => phone_number)).toEqual([...numbers].reverse());
    expect(all).toMatchObject({ count: 3, limit: 25, offset: 0 });
    expect(await list(key, `?agent_id=${other}`)).toMatchObject({
      count: 1,
      phone_numbers: [{ agent_id: other }],
    });
    expect(await list(key, "?agent_id=agent_x")).toMatchObject({ count: 0, phone_numbers: [] });
    for (const search of ["0002", "(500) 555-0002", "%2B1 500 555 0002"]) {
      const found = await list(key, `?search=${search}`);
      expect(found).toMatchObject({ count: 1, phone_numbers: [{ phone_number: "+15005550002" }] });
    }
    const own = { label: "Acme Dental (North)", external_id: "shop-17_%" };
    await call("PATCH", "/v1/phone-numbers/%2B15005550001", key, own);
    for (const search of ["acme", "dental%20(", "SHOP-17", "_%25"])
      expect(await list(key, `?search=${search}`)).toMatchObject({
        count: 1,
        phone_numbers: [{ phone_number: "+15005550001" }],
      });
    for (const search of ["x", "dental_"])
      expect(await list(key, `?search=${search}`)).toMatchObject({ count: 0 });
    await env.DB.prepare(
      `UPDATE phone_numbers SET health_reasons = '["url_mismatch"]' WHERE phone_number = ?1`,
    )
      .bind("+15005550001")
      .run();
    expect(await list(key, "?health=attention")).toMatchObject({
      count: 1,
      phone_numbers: [{ phone_number: "+15005550001" }],
    });
    await call("DELETE", `/v1/agents/${other}?force=true`, key);
    expect(await list(key, "?agent_id=none")).toMatchObject({
      count: 1,
      phone_numbers: [{ phone_number: "+15005550003", agent_id: null }],
    });
    const page = await list(key, "?limit=1&offset=1");
    expect(page).toMatchObject({ count: 3, limit: 1, offset: 1 });
    expect(page.phone_numbers.map(({ phone_number }) => phone_number)).toEqual(["+15005550002"]);
    expect(await list(await createKey())).toMatchObject({ count: 0, phone_numbers: [] });
  });

  it("has the import's five fields and what is known of the number, and nothing of its inside", async () => {
    const imported = await haveImported();
    const [entry] = (await list(imported.key)).phone_numbers;
    expect(entry).toEqual({
      phone_number: "+447446466847",
      agent_id: imported.agentId,
      twilio_number_sid: expect.stringMatching(/^PN/),
      inbound_enabled: true,
      outbound_enabled: true,
      channels: ["voice", "sms"],
      provider: "twilio",
      twilio_sid: imported.account.sid,
      region: "us1",
      health: "ok",
      health_reasons: [],
      warnings: [],
      drift_policy: "repair",
      ...UNSET,
      connect_link_id: null,
      checked_at: null,
      texts_checked_at: null,
      first_inbound_at: null,
      last_inbound_at: null,
      created_at: expect.stringMatching(/Z$/),
      updated_at: expect.stringMatching(/Z$/),
    });
    expect(JSON.stringify(entry)).not.toContain("num_");
  });

  it("does not show an import that is not finished", async () => {
    const { key } = await haveImported();
    await env.DB.prepare("UPDATE phone_numbers SET state = 'importing', lease_expires_at = '2020'").run();
    expect(await list(key)).toMatchObject({ count: 0, phone_numbers: [] });
    await expectError(await get(NUMBER, key), 404, "number_not_found");
    await expectError(await call("PATCH", NUMBER, key, { inbound_enabled: false }), 404, "number_not_found");
  });
});

describe("GET /v1/phone-numbers/{number}", () => {
  it("takes the plus as it is or encoded", async () => {
    const { key } = await haveImported();
    for (const path of ["+447446466847", "%2B447446466847"]) {
      const response = await get(`/v1/phone-numbers/${path}`, key);
      expect(await response.json()).toEqual({ phone_number: (await list(key)).phone_numbers[0] });
    }
  });

  it("knows nobody else's number", async () => {
    await haveImported();
    const other = await createKey();
    await expectError(await get(NUMBER, other), 404, "number_not_found");
    await expectError(
      await call("PATCH", NUMBER, other, { inbound_enabled: false }),
      404,
      "number_not_found",
    );
    await expectError(await call("DELETE", NUMBER, other), 404, "number_not_found");
    expect(await rows("phone_numbers")).toEqual([
      expect.objectContaining({ state: "active", inbound_enabled: 1 }),
    ]);
  });

  it.each(["07446466847", "x", "%00", "+0", "+4474464668470000", "'"])("refuses %s", async (path) => {
    const key = await createKey();
    for (const method of ["GET", "PATCH", "DELETE"]) {
      const body = method === "PATCH" ? { inbound_enabled: true } : undefined;
      const response = await call(method, `/v1/phone-numbers/${path}`, key, body);
      await expectError(response, 400, "invalid_phone_format");
    }
  });
});

describe("a number in a path", () => {
  it("is found without its plus and by its SID, only by its own key", async () => {
    const { key } = await haveImported();
    const [row] = await rows("phone_numbers");
    const number = row as { phone_number: string; twilio_number_sid: string };
    const other = await createKey();
    for (const name of [NUMBER.slice("/v1/phone-numbers/%2B".length), number.twilio_number_sid]) {
      const path = `/v1/phone-numbers/${name}`;
      expect(await (await get(path, key)).json()).toMatchObject({
        phone_number: { phone_number: number.phone_number },
      });
      await expectError(await get(path, other), 404, "number_not_found");
      expect((await call("PATCH", path, key, { outbound_enabled: false })).status).toBe(200);
      expect((await call("POST", `${path}/check`, key)).status).toBe(200);
    }
    await expectError(await get(`/v1/phone-numbers/PN${"0".repeat(32)}`, key), 404, "number_not_found");
    expect((await call("DELETE", `/v1/phone-numbers/${number.twilio_number_sid}`, key)).status).toBe(200);
    await expectError(
      await get(`/v1/phone-numbers/${number.twilio_number_sid}`, key),
      404,
      "number_not_found",
    );
  });
});

describe("PATCH /v1/phone-numbers/{number}", () => {
  it.each(["agent_id", "twilio_token", "inbound_enabled", "outbound_enabled"])(
    "refuses null for %s, which has no default, and changes nothing",
    async (field) => {
      const { key } = await haveImported();
      const before = await rows("phone_numbers");
      const response = await call("PATCH", NUMBER, key, { [field]: null, drift_policy: "report" });
      const error = await expectError(response, 400, "invalid_field");
      expect(error.details.problems).toEqual([{ field, problem: "wrong_type" }]);
      expect(await rows("phone_numbers")).toEqual(before);
    },
  );

  it("makes drift_policy its default again for null", async () => {
    const { key } = await haveImported();
    await call("PATCH", NUMBER, key, { drift_policy: "report" });
    const response = await call("PATCH", NUMBER, key, { drift_policy: null });
    expect(await response.json()).toMatchObject({ phone_number: { drift_policy: "repair" } });
  });

  it("moves the number to another agent, at once", async () => {
    const imported = await haveImported({ welcome_message: "Before" });
    expect(await (await ring(imported)).text()).toContain("Before");
    const agent_id = await createAgent(imported.key, { welcome_message: "After" });
    const response = await call("PATCH", NUMBER, imported.key, { agentId: agent_id });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ phone_number: { agent_id } });
    expect(await (await ring(imported)).text()).toContain("After");
  });

  it("switches inbound and outbound", async () => {
    const imported = await haveImported({ welcome_message: "Welcome" });
    const { key } = imported;
    const off = { inbound_enabled: false, outbound_enabled: false };
    expect(await (await call("PATCH", NUMBER, key, off)).json()).toMatchObject({ phone_number: off });
    expect(await (await ring(imported)).text()).toContain("not taking calls");
    const on = { inboundEnabled: true };
    const answer = await (await call("PATCH", NUMBER, key, on)).json();
    expect(answer).toMatchObject({ phone_number: { inbound_enabled: true, outbound_enabled: false } });
    expect(await (await ring(imported)).text()).toContain("Welcome");
  });

  it("asks for at least one field", async () => {
    const { key } = await haveImported();
    for (const body of [{}, { agent_id: undefined }, { unknown: 1 }]) {
      const error = await expectError(await call("PATCH", NUMBER, key, body), 400, "missing_field");
      expect(error.details.fields).toEqual([
        "agent_id",
        "inbound_enabled",
        "outbound_enabled",
        "twilio_token",
        "drift_policy",
        "channels",
        ...Object.keys(UNSET),
      ]);
    }
  });

  it("refuses another key's agent as if there were none", async () => {
    const { key } = await haveImported();
    const foreign = await createAgent(await createKey());
    for (const agent_id of [foreign, "agent_x"]) {
      await expectError(await call("PATCH", NUMBER, key, { agent_id }), 404, "agent_not_found");
    }
    await expectError(await call("PATCH", NUMBER, key, { inbound_enabled: "no" }), 400, "invalid_field");
  });

  it("replaces the token of the whole account, once Twilio has taken it", async () => {
    const imported = await haveImported();
    const { account, key } = imported;
    const before = account.authToken;
    account.secondaryAuthToken = "e".repeat(32);
    const response = await call("PATCH", NUMBER, key, { twilio_token: account.secondaryAuthToken });
    expect(response.status).toBe(200);
    expect(await response.text()).not.toContain(account.secondaryAuthToken);
    expect((await ring(imported, before)).status).toBe(200);
    expect((await ring(imported, account.secondaryAuthToken)).status).toBe(200);
  });

  it("keeps the token that works where Twilio refuses the new one", async () => {
    const imported = await haveImported();
    const response = await call("PATCH", NUMBER, imported.key, { twilio_token: "f".repeat(32) });
    const error = await expectError(response, 401, "twilio_auth_failed");
    expect(error.details).toMatchObject({ reason: "wrong_token" });
    expect((await ring(imported)).status).toBe(200);
    twilio.faults.add({ effect: effects.serverErrorHtml, times: null });
    const down = await call("PATCH", NUMBER, imported.key, { twilio_token: imported.account.authToken });
    await expectError(down, 502, "twilio_unavailable");
  });

  it("tells of a new token as soon as it is stored, whatever fails after it, and not of the same one", async () => {
    const customer = startCustomer();
    const { account, key } = await haveImported({ webhook_url: customer.url });
    account.secondaryAuthToken = "e".repeat(32);
    keepSecret(account.secondaryAuthToken);
    const sent = { twilio_token: account.secondaryAuthToken, label: "Acme" };
    const DB = databaseBefore("SET agent_id = COALESCE", () => Promise.reject(new Error("D1 is gone")));
    const failed = await call("PATCH", NUMBER, key, sent, { env: { DB } });
    await expectError(failed, 503, "storage_unavailable");
    for (const _ of [1, 2]) expect((await call("PATCH", NUMBER, key, sent)).status).toBe(200);
    const changed = () => customer.events().filter(({ event }) => event === "number.changed");
    await vi.waitFor(() => expect(changed().at(-1)).toMatchObject({ fields: ["label"] }));
    expect(changed()).toMatchObject([{ fields: ["twilio_token"], label: null }, { label: "Acme" }]);
  });

  it("stores the later one of two new tokens at once", async () => {
    const imported = await haveImported();
    const { account, key } = imported;
    const tokens = ["1".repeat(32), "2".repeat(32)];
    account.secondaryAuthToken = tokens[0] ?? "";
    account.authToken = tokens[1] ?? "";
    const responses = await Promise.all(
      tokens.map((twilio_token) => call("PATCH", NUMBER, key, { twilio_token })),
    );
    expect(responses.map(({ status }) => status)).toEqual([200, 200]);
    for (const token of tokens) expect((await ring(imported, token)).status).toBe(200);
  });

  it("never writes to Twilio", async () => {
    const { key, agentId } = await haveImported();
    const before = operations().length;
    await call("PATCH", NUMBER, key, { agent_id: agentId, outbound_enabled: false });
    expect(operations()).toHaveLength(before);
  });
});

describe("a token that Twilio has promoted", () => {
  it("ends the time of the one before as soon as it signs", async () => {
    const imported = await haveImported();
    const { account, key } = imported;
    const before = account.authToken;
    account.secondaryAuthToken = "e".repeat(32);
    await call("PATCH", NUMBER, key, { twilio_token: account.secondaryAuthToken });
    expect((await ring(imported, before)).status).toBe(200);
    expect((await ring(imported, account.secondaryAuthToken)).status).toBe(200);
    await expectError(await ring(imported, before), 403, "invalid_signature");
  });
});

requiresApiKey("GET", "/v1/phone-numbers");
requiresApiKey("GET", NUMBER);
requiresApiKey("PATCH", NUMBER, { inbound_enabled: true });
requiresApiKey("DELETE", NUMBER);
