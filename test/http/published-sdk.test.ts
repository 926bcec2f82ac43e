import { beforeEach, describe, expect, it } from "vitest";
import { haveModel, modelRequests } from "../support/model.ts";
import { haveNumber, twilio } from "../support/twilio.ts";
import { call, createAgent, createKey, expectError, type Key } from "../support/worker.ts";

// What the Python package `nixflex` 0.2.0 sends, method by method; docs/sdks.md says what works. The
// package itself is not needed: a method is a path and the fields of a body.

const NUMBER = "+447446466847";
const PATH = encodeURIComponent(NUMBER);
const CALLEE = "+441632960999";

let key: Key;
let agentId: string;

beforeEach(async () => {
  key = await createKey();
  agentId = await createAgent(key, { system_prompt: "Acme is open from nine to five." });
});

/** Its import, in the words of its own documentation. */
async function importNumber() {
  const { account } = haveNumber();
  const body = {
    phone_number: NUMBER,
    agent_id: agentId,
    twilio_account_sid: account.sid,
    twilio_auth_token: account.authToken,
  };
  const response = await call("POST", "/v1/phone-numbers", key, body);
  expect(response.status).toBe(201);
}

/** Its `calls.create`. */
const create = (more: Record<string, unknown> = {}) =>
  call("POST", "/v1/calls/outbound", key, {
    agent_id: agentId,
    to_number: CALLEE,
    prompt: "Ask {{name}} about Tuesday.",
    ...more,
  });

describe("what the published SDK sends", () => {
  it("makes, lists, changes and deletes agents", async () => {
    const body = { name: "SDK", incall_sms_enabled: true, record_call: true, recording_source: "nixflex" };
    const created = await call("POST", "/v1/agents", key, body);
    const { agent_id } = await created.json<{ agent_id: string }>();
    expect(created.status).toBe(201);
    const list = await call("GET", "/v1/agents?limit=5&offset=0", key);
    expect(await list.json()).toMatchObject({ agents: [{ agent_id }, { agent_id: agentId }], count: 2 });
    const path = `/v1/agents/${agent_id}`;
    expect(await (await call("PUT", path, key, { name: "New" })).json()).toMatchObject({ name: "New" });
    expect(await (await call("GET", path, key)).json()).toMatchObject({ name: "New" });
    expect(await (await call("DELETE", path, key)).json()).toEqual({ agent_id, deleted: true });
  });

  it("imports, lists, changes and releases numbers", async () => {
    await importNumber();
    const list = await call("GET", `/v1/phone-numbers?agent_id=${agentId}`, key);
    expect(await list.json()).toMatchObject({ phone_numbers: [{ phone_number: NUMBER }], count: 1 });
    const path = `/v1/phone-numbers/${PATH}`;
    const changed = await call("PATCH", path, key, { inbound_enabled: false, custom_prompt: "x" });
    expect(await changed.json()).toMatchObject({
      phone_number: { inbound_enabled: false, custom_prompt: "x" },
    });
    const unknown = await call("PATCH", path, key, { incall_sms_enabled: true });
    const error = await expectError(unknown, 400, "missing_field");
    expect(error.details).toMatchObject({ unknown_fields: ["incall_sms_enabled"] });
    expect((await call("DELETE", path, key)).status).toBe(200);
    const telnyx = { phone_number: NUMBER, agent_id: agentId, telnyx_api_key: "x" };
    await expectError(await call("POST", "/v1/phone-numbers", key, telnyx), 400, "missing_field");
  });

  it("places a call with its variables, and finds, lists and deletes it", async () => {
    haveModel();
    await importNumber();
    const placed = await create({ from_number: NUMBER, variables: { name: "Sam" } });
    expect(placed.status).toBe(201);
    const { call_id } = await placed.json<{ call_id: string }>();
    await twilio.dial({ say: ["When are you open?"] });
    expect(JSON.stringify(modelRequests())).toContain("Ask Sam about Tuesday.");
    const one = await call("GET", `/v1/calls/${call_id}`, key);
    expect(await one.json()).toMatchObject({
      call_id,
      status: "completed",
      transcript: expect.arrayContaining([expect.objectContaining({ text: "When are you open?" })]),
    });
    const list = await call("GET", `/v1/calls?limit=1&offset=0&agent_id=${agentId}`, key);
    expect(await list.json()).toMatchObject({ calls: [{ call_id }], count: 1 });
    expect((await call("GET", "/v1/usage", key)).status).toBe(200);
    expect((await call("DELETE", `/v1/calls/${call_id}`, key)).status).toBe(200);
    await expectError(await call("GET", `/v1/calls/${call_id}`, key), 404, "call_not_found");
  });

  it("sends a text", async () => {
    await importNumber();
    const body = { agent_id: agentId, from_number: NUMBER, to: CALLEE, message: "Hello" };
    const response = await call("POST", "/v1/sms", key, body);
    expect(await response.json()).toMatchObject({ status: "queued", to: CALLEE, from: NUMBER });
    expect(twilio.state.messages).toMatchObject([{ body: "Hello", to: CALLEE }]);
  });

  it("rotates its key", async () => {
    const response = await call("POST", "/v1/keys/rotate", key);
    expect(await response.json()).toMatchObject({ key_id: key.key_id });
    await expectError(await call("GET", "/v1/agents?limit=1", key), 401, "invalid_api_key");
  });

  it.each([
    ["DELETE", "/v1/calls", 405],
    ["POST", "/v1/calls/batch/x/launch", 404],
    ["POST", "/v1/sms/campaigns", 404],
    ["GET", "/v1/sms/campaigns?status=x&limit=5", 404],
    ["GET", `/v1/phone-numbers/${PATH}/callers/${PATH}`, 404],
    ["PUT", `/v1/integrations/monitor/number/${PATH}`, 404],
    ["PUT", `/v1/integrations/web-calls/number/${PATH}`, 404],
    ["PUT", `/v1/integrations/webhook2/number/${PATH}`, 404],
    ["GET", "/v1/account/storage", 404],
    ["GET", "/v1/account/llm", 404],
    ["GET", "/v1/account/tts", 404],
  ])("does nothing if this service has nothing of the kind: %s %s", async (method, path, status) => {
    const body = method === "GET" || method === "DELETE" ? undefined : { url: "https://example.com" };
    const response = await call(method, path, key, body);
    await expectError(response, status, status === 404 ? "not_found" : "method_not_allowed");
  });
});
