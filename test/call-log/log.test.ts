import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { readConfig } from "../../src/config.ts";
import { sha256 } from "../../src/vault/hash.ts";
import { haveImported, type Imported, tell } from "../support/answering.ts";
import { runCron } from "../support/consume.ts";
import { haveModel } from "../support/model.ts";
import { twilio } from "../support/twilio.ts";
import { authorization, BASE, call, createKey, expectError, get, type Key, send } from "../support/worker.ts";

const PROMPT = "Acme Dental is open from nine to five on weekdays.";
const CALLER = "+15005550006";
const SID = `CA${"a".repeat(32)}`;

type Logged = { call_id: string; status: string; transcript?: { role: string; text: string }[] } & Record<
  string,
  unknown
>;
type Page = { calls: Logged[]; count: number };

const list = async ({ key }: { key: Key }, query = ""): Promise<Page> =>
  (await get(`/v1/calls${query}`, key)).json() as Promise<Page>;
const one = async ({ key }: { key: Key }, callId: string): Promise<Logged> =>
  (await get(`/v1/calls/${callId}`, key)).json() as Promise<Logged>;

/** The object of a key's calls. */
const logOf = async ({ key_id }: Key) => env.CALL_LOG.getByName(await sha256(`call-log/${key_id}`));
const logRows = async (key: Key) =>
  runInDurableObject(await logOf(key), (_, { storage: { sql } }) =>
    sql.exec("SELECT * FROM calls").toArray(),
  );

/** Twilio tells of a call, in its own words. */
async function told(imported: Imported, callId: string, status: string, more: Record<string, string> = {}) {
  const parameters = {
    CallSid: callId,
    From: CALLER,
    To: imported.phoneNumber,
    Direction: "inbound",
    ...more,
  };
  const path = status === "ringing" ? "voice" : "status";
  const response = await tell(imported, path, { ...parameters, CallStatus: status });
  expect(response.status).toBeLessThan(300);
}

describe("the log of calls", () => {
  it("has a call while it runs, and how it ended, with who said what", async () => {
    haveModel();
    const imported = await haveImported({ system_prompt: PROMPT, welcome_message: "Hello." });
    let during: Page | undefined;
    const say = [
      async () => "When are you open?",
      async () => {
        during = await list(imported);
        return undefined;
      },
    ];
    await twilio.ring(imported.phoneNumber, { from: CALLER, say: async () => say.shift()?.() });
    expect(during).toMatchObject({
      count: 1,
      calls: [{ status: "in-progress", ended_reason: null, ended_at: null }],
    });
    const [logged] = (await list(imported)).calls;
    expect(logged).toMatchObject({
      agent_id: imported.agentId,
      direction: "inbound",
      from: CALLER,
      to: imported.phoneNumber,
      status: "completed",
      ended_reason: "caller_hangup",
      duration_seconds: 1,
      recording_url: null,
    });
    expect(logged).not.toHaveProperty("transcript");
    const whole = await one(imported, logged?.call_id ?? "");
    expect(whole.transcript?.map(({ role, text }) => `${role}: ${text}`)).toEqual([
      "agent: Hello.",
      "caller: When are you open?",
      "agent: Acme Dental is open from nine to five on weekdays.",
    ]);
  });

  it("has the call of an agent with a runtime, and of one that is not answered", async () => {
    const imported = await haveImported({ connect: { type: "dial", number: "+441632960123" } });
    await told(imported, SID, "ringing");
    await told(imported, SID, "no-answer", { CallDuration: "0" });
    expect((await list(imported)).calls).toMatchObject([
      { call_id: SID, status: "no-answer", ended_reason: "no-answer", duration_seconds: 0 },
    ]);
    expect((await one(imported, SID)).transcript).toEqual([]);
  });

  it("has an outbound call from the moment it is placed", async () => {
    const imported = await haveImported();
    const placed = await call("POST", "/v1/calls", imported.key, {
      agent_id: imported.agentId,
      to_number: CALLER,
    });
    const { call_id } = (await placed.json()) as { call_id: string };
    expect((await list(imported)).calls).toMatchObject([
      {
        call_id,
        direction: "outbound",
        from: imported.phoneNumber,
        to: CALLER,
        status: "initiated",
        answered_at: null,
      },
    ]);
    await twilio.dial({ answers: "busy" });
    expect((await list(imported, "?direction=outbound")).calls).toMatchObject([
      { call_id, status: "busy", ended_reason: "busy" },
    ]);
  });

  it("tells a report once, in whatever order Twilio reports", async () => {
    const imported = await haveImported();
    await told(imported, SID, "completed", { CallDuration: "7" });
    await told(imported, SID, "ringing");
    await told(imported, SID, "completed", { CallDuration: "7" });
    expect(await list(imported)).toMatchObject({
      count: 1,
      calls: [{ status: "completed", duration_seconds: 7 }],
    });
  });

  it.each([
    ["?agent_id=AGENT", 3],
    ["?agent_id=agent_0000000000000000", 0],
    ["?phone_number=%2BNUMBER", 3],
    ["?phone_number=+NUMBER", 3],
    ["?phone_number=NUMBER", 3],
    ["?phone_number=%2B15005550001", 0],
    ["?direction=inbound", 3],
    ["?direction=outbound", 0],
    ["?status=completed", 1],
    ["?status=in-progress", 1],
    ["?status=busy&direction=inbound&agent_id=AGENT", 1],
    ["?limit=1&offset=1", 3],
  ])("lists by %s", async (query, count) => {
    const imported = await haveImported();
    const sids = [1, 2, 3].map((digit) => `CA${String(digit).repeat(32)}`) as [string, string, string];
    for (const sid of sids) await told(imported, sid, "ringing");
    await told(imported, sids[0], "completed", { CallDuration: "5" });
    await told(imported, sids[1], "busy");
    const filled = query.replace("AGENT", imported.agentId).replace("NUMBER", imported.phoneNumber.slice(1));
    const page = await list(imported, filled);
    expect(page.count).toBe(count);
    if (query.includes("offset")) expect(page.calls.map(({ call_id }) => call_id)).toEqual([sids[1]]);
    else expect(page.calls).toHaveLength(count);
  });

  it.each([
    ["?direction=sideways", "invalid_parameter"],
    ["?status=done", "invalid_parameter"],
    ["?phone_number=123", "invalid_phone_format"],
    ["?agentId=x", "unknown_parameter"],
  ])("refuses %s", async (query, code) => {
    await expectError(await get(`/v1/calls${query}`, await createKey()), 400, code);
  });

  it("is asked again by Twilio if it cannot be written, and tells the event once", async () => {
    const imported = await haveImported();
    const broken = { CALL_LOG: { getByName: () => ({ report: () => Promise.reject(new Error("gone")) }) } };
    const parameters = {
      CallSid: SID,
      From: CALLER,
      To: imported.phoneNumber,
      CallStatus: "completed",
      CallDuration: "3",
    };
    const response = await tell(imported, "status", parameters, { env: broken as unknown as Partial<Env> });
    expect(response.status).toBe(503);
    await told(imported, SID, "completed", { CallDuration: "3" });
    expect(await list(imported)).toMatchObject({ count: 1, calls: [{ call_id: SID, duration_seconds: 3 }] });
  });
});

describe("POST /v1/calls/{call_id}/hangup", () => {
  it("ends a call that runs", async () => {
    haveModel();
    const imported = await haveImported({ system_prompt: PROMPT });
    let answer: Logged | undefined;
    const { conversation } = await twilio.ring(imported.phoneNumber, {
      from: CALLER,
      say: async () => {
        const [live] = (await list(imported)).calls;
        const response = await call("POST", `/v1/calls/${live?.call_id}/hangup`, imported.key);
        expect(response.status).toBe(200);
        answer = (await response.json()) as Logged;
        return "Are you still there?";
      },
    });
    expect(conversation.some(({ text }) => text === "Are you still there?")).toBe(false);
    expect((await one(imported, answer?.call_id ?? "")).status).toBe("completed");
  });

  it("leaves one that has ended as it is, also if only Twilio knows", async () => {
    const imported = await haveImported();
    const placed = await call("POST", "/v1/calls", imported.key, {
      agent_id: imported.agentId,
      to_number: CALLER,
    });
    const { call_id } = (await placed.json()) as { call_id: string };
    const atTwilio = twilio.state.calls[0]?.resource;
    if (atTwilio) atTwilio.status = "completed";
    const path = `/v1/calls/${call_id}/hangup`;
    for (const _ of [1, 2]) {
      const response = await call("POST", path, imported.key);
      expect(await response.json()).toMatchObject({ call_id, status: "completed" });
    }
    expect(twilio.state.requests.filter(({ operation }) => operation === "update_call")).toHaveLength(1);
  });
});

/** A call with a recording. */
async function haveRecorded(): Promise<Imported & { call_id: string; recording: string }> {
  haveModel();
  const imported = await haveImported({ system_prompt: PROMPT, record: true });
  await twilio.ring(imported.phoneNumber, { from: CALLER, say: ["When are you open?"] });
  const [logged] = (await list(imported)).calls;
  const url = String(logged?.recording_url);
  expect(url).toBe(`${BASE}/v1/calls/${logged?.call_id}/recording`);
  return { ...imported, call_id: logged?.call_id ?? "", recording: new URL(url).pathname };
}

const sound = (path: string, key: Key, range?: string) =>
  send(new Request(`${BASE}${path}`, { headers: { ...authorization(key), ...(range && { range }) } }));

describe("GET /v1/calls/{call_id}/recording", () => {
  it("gives Twilio's recording to whoever has the key, whole or in parts", async () => {
    const { key, recording } = await haveRecorded();
    const whole = await sound(recording, key);
    expect(whole.headers.get("content-type")).toBe("audio/mpeg");
    expect(whole.headers.get("cache-control")).toBe("private, no-store");
    expect((await whole.arrayBuffer()).byteLength).toBe(960);
    const part = await sound(recording, key, "bytes=191-200");
    expect([part.status, part.headers.get("content-range")]).toEqual([206, "bytes 191-200/960"]);
    expect(new Uint8Array(await part.arrayBuffer())[0]).toBe(1);
    expect((await sound(recording, key, "bytes=9000-")).status).toBe(200);
    await expectError(await get(recording, await createKey()), 404, "call_not_found");
  });

  it("says why Twilio refuses the credentials, as an import does", async () => {
    const { key, recording, account } = await haveRecorded();
    account.isSuspended = true;
    const { details } = await expectError(await get(recording, key), 401, "twilio_invalid_credentials");
    expect(details).toMatchObject({ reason: "suspended_account" });
    delete account.isSuspended;
    account.authToken = "0".repeat(32);
    const refused = await expectError(await get(recording, key), 401, "twilio_auth_failed");
    expect(refused.details).toMatchObject({ reason: "wrong_token" });
  });

  it("says so if there is none, or Twilio has none", async () => {
    const imported = await haveRecorded();
    twilio.state.recordings.clear();
    await expectError(await get(imported.recording, imported.key), 404, "recording_not_found");
    await told(imported, SID, "completed", { CallDuration: "1" });
    await expectError(await get(`/v1/calls/${SID}/recording`, imported.key), 404, "recording_not_found");
  });
});

describe("DELETE /v1/calls/{call_id}", () => {
  it("deletes the call, its transcript and its recording, and nothing brings it back", async () => {
    const recorded = await haveRecorded();
    const path = `/v1/calls/${recorded.call_id}`;
    const response = await call("DELETE", path, recorded.key);
    expect(await response.json()).toEqual({ call_id: recorded.call_id, deleted: true });
    expect(twilio.state.recordings.size).toBe(0);
    await told(recorded, recorded.call_id, "completed", { CallDuration: "1" });
    expect(await list(recorded)).toMatchObject({ count: 0, calls: [] });
    await expectError(await get(path, recorded.key), 404, "call_not_found");
    await expectError(await call("DELETE", path, recorded.key), 404, "call_not_found");
  });

  it("is refused while the call runs, and for another key", async () => {
    const imported = await haveImported();
    await told(imported, SID, "ringing");
    await expectError(await call("DELETE", `/v1/calls/${SID}`, imported.key), 409, "call_in_progress");
    const stranger = await createKey();
    for (const [method, path] of [
      ["GET", ""],
      ["DELETE", ""],
      ["POST", "/hangup"],
      ["GET", "/recording"],
    ] as const)
      await expectError(await call(method, `/v1/calls/${SID}${path}`, stranger), 404, "call_not_found");
    expect(await list({ key: stranger })).toMatchObject({ count: 0, calls: [] });
  });
});

describe("an account that is gone", () => {
  it("is named by whoever would ask Twilio", async () => {
    const recorded = await haveRecorded();
    await call("DELETE", `/v1/phone-numbers/${encodeURIComponent(recorded.phoneNumber)}`, recorded.key);
    await expectError(await get(recorded.recording, recorded.key), 409, "call_account_gone");
    expect((await one(recorded, recorded.call_id)).status).toBe("completed");
  });
});

describe("what is kept of calls", () => {
  it("is sealed: no telephone number of a caller and no word stands in the object in the clear", async () => {
    haveModel();
    const imported = await haveImported({ system_prompt: PROMPT });
    await twilio.ring(imported.phoneNumber, { from: CALLER, say: ["When are you open?"] });
    const stored = JSON.stringify(await logRows(imported.key));
    expect(stored).toContain(imported.phoneNumber);
    expect(stored).not.toContain(CALLER);
    expect(stored).not.toMatch(/open|Acme/);
  });

  it("is sealed anew by the cron after the sealing key has changed", async () => {
    const imported = await haveImported();
    await told(imported, SID, "completed", { CallDuration: "1" });
    const rotated = { TOKEN_ENCRYPTION_KEYS: `next:${"B".repeat(43)},${env.TOKEN_ENCRYPTION_KEYS}` };
    const setKeys = async (tokenEncryptionKeys: string) =>
      runInDurableObject(await logOf(imported.key), (instance) => {
        Object.assign(readConfig((instance as unknown as { env: Env }).env), { tokenEncryptionKeys });
      });
    await setKeys(rotated.TOKEN_ENCRYPTION_KEYS);
    try {
      await runCron("*/15 * * * *", rotated);
      expect(JSON.stringify(await logRows(imported.key))).toContain("v1.next.");
      expect(
        await (await call("GET", `/v1/calls/${SID}`, imported.key, undefined, { env: rotated })).json(),
      ).toMatchObject({
        call_id: SID,
        from: CALLER,
      });
    } finally {
      await setKeys(env.TOKEN_ENCRYPTION_KEYS);
    }
  });

  it("is deleted by the operator, with usage", async () => {
    const imported = await haveImported();
    await told(imported, SID, "completed", { CallDuration: "60" });
    const { key_id } = imported.key;
    const headers = { authorization: `Bearer ${env.ADMIN_TOKEN}` };
    const erase = (id: string) =>
      send(new Request(`${BASE}/v1/keys/${id}/calls`, { method: "DELETE", headers }));
    expect(await (await erase(key_id)).json()).toEqual({ key_id, deleted: true });
    expect(await list(imported)).toMatchObject({ count: 0, calls: [] });
    await expectError(await erase(`nxf_${"0".repeat(32)}`), 404, "key_not_found");
  });

  it("is forgotten after 30 days; a call whose end nobody told is over after a day", async () => {
    const imported = await haveImported();
    await told(imported, SID, "ringing");
    const days = (count: number) => vi.setSystemTime(Date.now() + count * 24 * 60 * 60 * 1_000);
    vi.useFakeTimers({ toFake: ["Date"] });
    try {
      days(2);
      await runDurableObjectAlarm(await logOf(imported.key));
      expect(await list(imported, "?status=completed")).toMatchObject({
        count: 1,
        calls: [{ ended_reason: null, duration_seconds: null }],
      });
      days(30);
      await runDurableObjectAlarm(await logOf(imported.key));
      expect(await list(imported)).toMatchObject({ count: 0, calls: [] });
    } finally {
      vi.useRealTimers();
    }
  });
});
