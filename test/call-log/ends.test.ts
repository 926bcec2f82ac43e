import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { haveImported, type Imported, tell } from "../support/answering.ts";
import { runCron } from "../support/consume.ts";
import { startCustomer } from "../support/customer.ts";
import { haveModel } from "../support/model.ts";
import { twilio } from "../support/twilio.ts";
import { call, createAgent, get, post } from "../support/worker.ts";
import { addNumber } from "../twilio-simulator/state.ts";

const CALLER = "+15005550006";
const SID = `CA${"a".repeat(32)}`;

type Logged = Record<string, unknown> & { call_id: string };

const one = async ({ key }: Imported, callId: string): Promise<Logged> =>
  (await get(`/v1/calls/${callId}`, key)).json();
const minutes = async ({ key }: Imported): Promise<number> =>
  (await (await get("/v1/usage", key)).json<{ calls: { minutes: number } }>()).calls.minutes;
const ended = (imported: Imported, status: string, more: Record<string, string> = {}, callId = SID) =>
  tell(imported, "status", {
    CallSid: callId,
    From: CALLER,
    To: imported.phoneNumber,
    CallStatus: status,
    ...more,
  });

/** A call that runs and was placed by the API. */
async function havePlaced(imported: Imported) {
  const body = { agent_id: imported.agentId, to_number: CALLER };
  const { call_id } = await (await post("/v1/calls", body, { key: imported.key })).json<Logged>();
  const [placed] = twilio.state.calls;
  if (!placed) throw new Error("no call");
  placed.resource.status = "in-progress";
  placed.resource.start_time = new Date(Date.now() - 65_000).toUTCString();
  const path = /(calls\/call_[0-9a-f]{32})\//.exec(placed.form.get("Url") ?? "")?.[1] ?? "";
  const tells = (kind: string, more: Record<string, string>) =>
    tell(imported, `${path}/${kind}`, { CallSid: call_id, From: imported.phoneNumber, To: CALLER, ...more });
  return { call_id, resource: placed.resource, tells };
}

/** Another agent of the key with a number of its own; places a call. */
async function haveAnother({ key, account, body }: Imported) {
  const phone_number = "+15005550019";
  addNumber(twilio.state, account, { phone_number });
  const agent_id = await createAgent(key);
  expect((await post("/v1/phone-numbers", { ...body, phone_number, agent_id }, { key })).status).toBe(201);
  return () => post("/v1/calls", { agent_id, to_number: CALLER }, { key });
}

describe("how long a call was, and why it ended", () => {
  it.each(["in-progress", "completed", "21220"])(
    "is what Twilio tells at last, if the answer to a hang-up is %s",
    async (answer) => {
      const imported = await haveImported();
      const { call_id, resource, tells } = await havePlaced(imported);
      if (answer === "completed") twilio.state.hangUpAnswer = "completed";
      if (answer === "21220") resource.status = "completed";
      const hungUp = await call("POST", `/v1/calls/${call_id}/hangup`, imported.key);
      expect(await hungUp.json()).toMatchObject({ duration_seconds: null });
      expect(await minutes(imported)).toBe(0);
      await tells("status", { CallStatus: "completed", CallDuration: "65" });
      expect(await one(imported, call_id)).toMatchObject({
        status: "completed",
        ended_reason: "completed",
        duration_seconds: 65,
      });
      expect(await minutes(imported)).toBe(1.08);
    },
  );

  it("is what Twilio tells, also if nobody had answered the call that was hung up", async () => {
    const imported = await haveImported();
    const { call_id, resource, tells } = await havePlaced(imported);
    resource.status = "no-answer";
    await call("POST", `/v1/calls/${call_id}/hangup`, imported.key);
    await tells("status", { CallStatus: "no-answer" });
    const expected = {
      status: "no-answer",
      ended_reason: "no-answer",
      duration_seconds: 0,
      answered_at: null,
    };
    expect(await one(imported, call_id)).toMatchObject(expected);
    const { count } = await (await get("/v1/calls?status=completed", imported.key)).json<{ count: number }>();
    expect(count).toBe(0);
  });

  it("may be raised by a later report of the same end, and by nothing else", async () => {
    const imported = await haveImported();
    await ended(imported, "completed", { CallDuration: "1" });
    await ended(imported, "completed", { CallDuration: "3600" });
    await ended(imported, "completed", { CallDuration: "7" });
    await ended(imported, "failed", { CallDuration: "9000" });
    await ended(imported, "in-progress");
    expect(await one(imported, SID)).toMatchObject({ status: "completed", duration_seconds: 3600 });
    expect(await minutes(imported)).toBe(60);
  });

  it("is known although the agent was deleted in mid-call", async () => {
    haveModel();
    const imported = await haveImported({ system_prompt: "Be brief.", welcome_message: "Hello." });
    const say = [
      async () => "When are you open?",
      async () => {
        await call("DELETE", `/v1/agents/${imported.agentId}?force=true`, imported.key);
        return undefined;
      },
    ];
    await twilio.ring(imported.phoneNumber, { from: CALLER, say: async () => say.shift()?.() });
    const { calls } = await (await get("/v1/calls", imported.key)).json<{ calls: Logged[] }>();
    const logged = await one(imported, calls[0]?.call_id ?? "");
    expect(logged).toMatchObject({ agent_id: imported.agentId, ended_reason: "caller_hangup" });
    expect(logged.transcript).not.toEqual([]);
  });

  it("is taken and told for a day although the number was released in mid-call", async () => {
    const customer = startCustomer();
    const imported = await haveImported({ webhook_url: customer.url });
    const { call_id, tells } = await havePlaced(imported);
    const report = { CallStatus: "completed", CallDuration: "65" };
    const path = `/v1/phone-numbers/${imported.phoneNumber}`;
    expect((await call("DELETE", path, imported.key)).status).toBe(200);
    const forged = await tell(imported, "status", { CallSid: SID, ...report }, { token: "wrong" });
    expect(forged.status).toBe(403);
    await env.DB.prepare("UPDATE api_keys SET limits = json_object('concurrent_call_limit', 1)").run();
    const other = await haveAnother(imported);
    expect((await other()).status).toBe(429);
    expect((await tells("status", report)).status).toBe(204);
    expect((await other()).status).toBe(201);
    expect(await one(imported, call_id)).toMatchObject({ status: "completed", duration_seconds: 65 });
    expect(customer.events().at(-1)).toMatchObject({ event: "call.completed", call_id });
    const text = { MessageSid: `SM${"1".repeat(32)}`, MessageStatus: "delivered" };
    expect((await tell(imported, "message-status", text)).status).toBe(204);
    // Only reports: the number takes no call any more.
    expect(await (await tell(imported, "voice", { CallSid: SID })).text()).toContain("not taking calls");
    await env.DB.prepare("UPDATE released_numbers SET released_at = '2026-01-01T00:00:00.000Z'").run();
    await runCron("*/15 * * * *");
    expect((await tells("status", report)).status).toBe(404);
  });

  it("frees the key's place as soon as Twilio says that the call is over", async () => {
    const imported = await haveImported();
    const { call_id } = await havePlaced(imported);
    twilio.state.hangUpAnswer = "completed";
    const body = { agent_id: imported.agentId, to_number: CALLER };
    await env.DB.prepare("UPDATE api_keys SET limits = json_object('concurrent_call_limit', 1)").run();
    const once = () => post("/v1/calls", body, { key: imported.key });
    expect((await once()).status).toBe(429);
    await call("POST", `/v1/calls/${call_id}/hangup`, imported.key);
    expect((await once()).status).toBe(201);
  });
});

describe("a recording", () => {
  const recorded = (imported: Imported) =>
    tell(imported, "recording", {
      CallSid: SID,
      RecordingSid: `RE${"b".repeat(32)}`,
      RecordingStatus: "completed",
    });

  it("that is told before its call is asked for again, and told to the customer once", async () => {
    const customer = startCustomer();
    const imported = await haveImported({ webhook_url: customer.url });
    expect((await recorded(imported)).status).toBe(503);
    await ended(imported, "completed", { CallDuration: "5" });
    expect((await recorded(imported)).status).toBe(204);
    expect((await one(imported, SID)).recording_url).toContain(`/v1/calls/${SID}/recording`);
    expect(customer.events().filter(({ event }) => event === "recording.completed")).toHaveLength(1);
  });

  it("of a call that its owner has deleted is not asked for again", async () => {
    const imported = await haveImported();
    await ended(imported, "completed", { CallDuration: "5" });
    await call("DELETE", `/v1/calls/${SID}`, imported.key);
    expect((await recorded(imported)).status).toBe(204);
  });
});
