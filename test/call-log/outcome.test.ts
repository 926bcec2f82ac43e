import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { sha256 } from "../../src/vault/hash.ts";
import { haveImported, type Imported, tell } from "../support/answering.ts";
import { startCustomer } from "../support/customer.ts";
import { haveModel } from "../support/model.ts";
import { breakOutboxes } from "../support/outbox.ts";
import { requiresApiKey } from "../support/security.ts";
import { twilio } from "../support/twilio.ts";
import { call, createKey, expectError, get, type Key, rows } from "../support/worker.ts";

// What the runtime of a call reports of it.

const SID = `CA${"c".repeat(32)}`;
const HOUR_MS = 60 * 60 * 1_000;
const connect = { type: "conversation_relay", url: "wss://runtime.example/relay" };
const OUTCOME = {
  transcript: [
    { role: "caller", text: "Tuesday at ten, please.", at: "2026-01-31T12:00:01.000Z" },
    { role: "agent", text: "Done." },
  ],
  ended_reason: "appointment_booked",
  summary: "Booked Tuesday at ten.",
  data: { appointment: "2026-02-03T10:00" },
};
const SHOWN = { ...OUTCOME, transcript: [OUTCOME.transcript[0], { ...OUTCOME.transcript[1], at: null }] };

const report = (key: Key, body: unknown, callId = SID) =>
  call("POST", `/v1/calls/${callId}/outcome`, key, body);
const read = async (key: Key) => (await get(`/v1/calls/${SID}`, key)).json<Record<string, unknown>>();

async function told(imported: Imported, status: "ringing" | "completed" | "busy"): Promise<void> {
  const parameters = {
    CallSid: SID,
    From: "+15005550006",
    To: imported.phoneNumber,
    Direction: "inbound",
    CallStatus: status,
    ...(status !== "ringing" && { CallDuration: "87" }),
  };
  const response = await tell(imported, status === "ringing" ? "voice" : "status", parameters);
  expect(response.status).toBeLessThan(300);
}

async function haveCall(agent: object = {}) {
  const customer = startCustomer();
  const imported = await haveImported({ connect, webhook_url: customer.url, ...agent });
  await told(imported, "ringing");
  const ended = () =>
    customer.events().filter(({ event }) => /^call\.(completed|failed|updated)$/.test(String(event)));
  return { customer, imported, key: imported.key, ended };
}

describe("POST /v1/calls/{call_id}/outcome", () => {
  it("before the end stands in the log, and the event of the end has it", async () => {
    const { imported, key, ended } = await haveCall();
    const response = await report(key, OUTCOME);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ ...SHOWN, status: "in-progress", ended_reason: null });
    await told(imported, "completed");
    await vi.waitFor(() => expect(ended()).toMatchObject([{ event: "call.completed", ...SHOWN }]));
    expect(await read(key)).toMatchObject({ ...SHOWN, status: "completed", duration_seconds: 87 });
    const { calls } = await (await get("/v1/calls", key)).json<{ calls: object[] }>();
    expect(calls).toMatchObject([{ ended_reason: "appointment_booked" }]);
  });

  it("after the end is told by call.updated, with the fields of call.completed", async () => {
    const { imported, key, ended } = await haveCall();
    await told(imported, "completed");
    expect((await report(key, OUTCOME)).status).toBe(200);
    await vi.waitFor(() => expect(ended()).toHaveLength(2));
    const [completed, updated] = ended();
    expect(updated).toEqual({
      ...completed,
      ...SHOWN,
      event: "call.updated",
      event_id: expect.any(String),
      created_at: expect.any(String),
    });
  });

  it("sent again replaces all of it", async () => {
    const { imported, key, ended } = await haveCall();
    await report(key, OUTCOME);
    await report(key, { summary: "Cancelled." });
    await told(imported, "completed");
    const after = { ended_reason: "completed", summary: "Cancelled.", data: null, transcript: [] };
    expect(await read(key)).toMatchObject(after);
    await vi.waitFor(() => expect(ended()).toMatchObject([after]));
  });

  it("leaves status and length to Twilio", async () => {
    const { imported, key } = await haveCall();
    await report(key, { ended_reason: "completed" });
    await told(imported, "busy");
    expect(await read(key)).toMatchObject({ status: "busy", duration_seconds: 87 });
  });

  it("is closed 24 hours after the end", async () => {
    const { imported, key } = await haveCall();
    await told(imported, "completed");
    const now = Date.now();
    try {
      vi.useFakeTimers({ toFake: ["Date"], now: now + 23 * HOUR_MS });
      expect((await report(key, OUTCOME)).status).toBe(200);
      vi.setSystemTime(now + 25 * HOUR_MS);
      await expectError(await report(key, { summary: "Late." }), 409, "outcome_closed");
      expect(await read(key)).toMatchObject({ summary: OUTCOME.summary });
    } finally {
      vi.useRealTimers();
    }
  });

  it("is refused for a call of the built-in agent, whatever its agent is later", async () => {
    haveModel();
    const imported = await haveImported({ system_prompt: "Be brief.", welcome_message: "Hello." });
    const say = ["When are you open?"];
    await twilio.ring(imported.phoneNumber, { from: "+15005550006", say: async () => say.shift() });
    const { calls } = await (await get("/v1/calls", imported.key)).json<{ calls: { call_id: string }[] }>();
    const id = calls[0]?.call_id;
    await expectError(await report(imported.key, OUTCOME, id), 409, "agent_is_builtin");
    await call("PUT", `/v1/agents/${imported.agentId}`, imported.key, { connect });
    await expectError(await report(imported.key, OUTCOME, id), 409, "agent_is_builtin");
  });

  it("is taken if the agent was deleted meanwhile", async () => {
    const { imported, key } = await haveCall();
    await call("DELETE", `/v1/agents/${imported.agentId}?force=true`, key);
    expect((await report(key, OUTCOME)).status).toBe(200);
  });

  it("is kept for the outbox that fails, and not kept if nobody receives it", async () => {
    const { imported, key } = await haveCall();
    await told(imported, "completed");
    breakOutboxes();
    expect((await report(key, OUTCOME)).status).toBe(200);
    expect(await rows("pending_events")).toMatchObject([{ type: "call.updated" }]);
    breakOutboxes(false);
    await call("PUT", `/v1/agents/${imported.agentId}`, key, { webhook_url: null });
    expect((await report(key, { summary: "Again." })).status).toBe(200);
    await vi.waitFor(async () => expect(await rows("pending_events")).toEqual([]));
    const { deliveries } = await (await get("/v1/webhooks/deliveries", key)).json<{
      deliveries: { event: string }[];
    }>();
    expect(deliveries.filter(({ event }) => event === "call.updated")).toHaveLength(1);
  });

  it("is sealed, and sealed anew", async () => {
    const { key } = await haveCall();
    await report(key, OUTCOME);
    const log = env.CALL_LOG.getByName(await sha256(`call-log/${key.key_id}`));
    expect(JSON.stringify(await log.get(SID))).not.toMatch(/Tuesday|appointment/);
    expect(await log.reseal(0, 10)).toMatchObject({ found: 0 });
  });

  it.each([
    ["a role", { transcript: [{ role: "robot", text: "Hello." }] }, "transcript.0.role", "not_allowed"],
    ["no text", { transcript: [{ role: "agent" }] }, "transcript.0.text", "required"],
    [
      "no time",
      { transcript: [{ role: "agent", text: "Hi", at: "Monday" }] },
      "transcript.0.at",
      "malformed",
    ],
    [
      "too many",
      { transcript: Array(1_001).fill({ role: "agent", text: "a" }) },
      "transcript",
      "out_of_range",
    ],
    ["no word", { ended_reason: "because of <you>" }, "ended_reason", "malformed"],
    ["a long summary", { summary: "s".repeat(4_001) }, "summary", "too_long"],
    ["data that is not flat", { data: { nested: { deep: 1 } } }, "data.nested", "wrong_type"],
  ])("refuses %s", async (_, body, field, problem) => {
    const { key } = await haveCall();
    const code = problem === "required" ? "missing_field" : "invalid_field";
    const { details } = await expectError(await report(key, body), 400, code);
    expect(details.problems).toContainEqual(expect.objectContaining({ field, problem }));
    expect(await read(key)).toMatchObject({ summary: null, transcript: [] });
  });

  it("refuses more than 64 KB, and a call of another key", async () => {
    const { key } = await haveCall();
    const long = Array.from({ length: 10 }, () => ({ role: "agent", text: "a".repeat(9_000) }));
    await expectError(await report(key, { transcript: long }), 413, "payload_too_large");
    await expectError(await report(await createKey(), OUTCOME), 404, "call_not_found");
    await expectError(await report(key, OUTCOME, `CA${"d".repeat(32)}`), 404, "call_not_found");
  });

  requiresApiKey("POST", `/v1/calls/${SID}/outcome`, OUTCOME);
});
