import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { MAX_WAIT_MS, planTurn } from "../../src/call-log/pace.ts";
import { haveImported, type Imported } from "../support/answering.ts";
import { logLines } from "../support/logs.ts";
import { metered, newMeter } from "../support/metered-database.ts";
import { brokenLogs, countedObjects } from "../support/objects.ts";
import { operations, twilio } from "../support/twilio.ts";
import {
  authorization,
  BASE,
  call,
  createAgent,
  createKey,
  expectError,
  post,
  send,
} from "../support/worker.ts";
import { effects } from "../twilio-simulator/faults.ts";
import { newSid } from "../twilio-simulator/state.ts";

const CALLEE = "+15005550009";
const FAST = { DEFAULT_LIMITS: '{"calls_per_second":100,"allowed_countries":["*"]}' };

type Options = { headers?: Record<string, string>; env?: Partial<Env> };

function placeCall({ key, agentId }: Imported, fields: Record<string, unknown> = {}, options: Options = {}) {
  return post(
    "/v1/calls/outbound",
    { agent_id: agentId, to_number: CALLEE, ...fields },
    { key, ...options, env: { ...FAST, ...options.env } },
  );
}

const callsAtTwilio = () => twilio.state.calls.map(({ resource }) => resource);

describe("POST /v1/calls/outbound", () => {
  it("places a call at once, from the agent's number", async () => {
    const imported = await haveImported();
    const before = operations().length;
    const response = await placeCall(imported);
    expect(response.status).toBe(201);
    const [placed] = callsAtTwilio();
    expect(await response.json()).toEqual({
      call_id: placed?.sid,
      status: "initiated",
      to: CALLEE,
      from: imported.phoneNumber,
      agent_id: imported.agentId,
    });
    expect(operations().slice(before)).toEqual(["call"]);
    const form = twilio.state.calls[0]?.form;
    expect(form?.get("Url")).toMatch(
      /\/webhooks\/twilio\/twa_[0-9a-f]{32}\/num_[0-9a-f]{48}\/calls\/call_[0-9a-f]{32}\/voice#/,
    );
    expect(form?.getAll("StatusCallbackEvent")).toEqual([]);
    expect(form?.has("MachineDetection")).toBe(false);
  });

  it("is the same at POST /v1/calls, with the other spellings", async () => {
    const { key, agentId, phoneNumber } = await haveImported();
    const body = { agentId, to: CALLEE, from: phoneNumber, dynamicVars: {} };
    expect((await post("/v1/calls", body, { key })).status).toBe(201);
    expect(callsAtTwilio()).toMatchObject([{ from: phoneNumber, to: CALLEE }]);
  });

  it("asks Twilio once, after three trips to D1 and objects", async () => {
    const imported = await haveImported();
    const meter = newMeter();
    const trips: string[] = [];
    const objects = countedObjects(trips);
    const before = operations().length;
    const body = JSON.stringify({ agent_id: imported.agentId, to_number: CALLEE });
    const response = await send(
      new Request(`${BASE}/v1/calls/outbound`, {
        method: "POST",
        headers: {
          ...authorization(imported.key),
          "content-type": "application/json",
          "content-length": String(body.length),
        },
        body,
      }),
      { DB: metered(env.DB, meter), ...objects },
    );
    expect(response.status).toBe(201);
    expect(operations().length - before).toBe(1);
    // The key's secret, and everything that the call needs.
    expect(meter.trips).toBe(1);
    // Side by side, so that they are one wait; what is noted follows the answer.
    expect(trips.slice(0, 2).sort()).toEqual(["begin", "turn"]);
    expect(trips.slice(2)).toEqual(["report"]);
  });

  it("reports faults in the contract's order: fields, E.164, agent, number", async () => {
    const imported = await haveImported();
    const other = await createKey();
    const foreign = await createAgent(other);
    const homeless = await createAgent(imported.key);
    const bad = { to_number: "0044 20", agent_id: "agent_0000000000000000" };
    await expectError(await placeCall(imported, { to_number: "", agent_id: "" }), 400, "missing_field");
    await expectError(await placeCall(imported, bad), 400, "invalid_phone_format");
    const near = { to_number: "+49 (0)30 901820" };
    const { details } = await expectError(await placeCall(imported, near), 400, "invalid_phone_format");
    expect(details).toMatchObject({ suggestion: "+4930901820" });
    await expectError(
      await placeCall(imported, { ...bad, to_number: CALLEE, from_number: CALLEE }),
      404,
      "agent_not_found",
    );
    await expectError(await placeCall(imported, { agent_id: foreign }), 404, "agent_not_found");
    await expectError(await placeCall(imported, { agent_id: homeless }), 400, "agent_missing_phone_number");
    await expectError(await placeCall(imported, { from_number: CALLEE }), 400, "from_number_not_found");
    await expectError(await placeCall(imported, { prompt: "x".repeat(8_001) }), 400, "prompt_too_long");
    const vars = [{ a: 1 }, { "a b": "x" }, { a: "x".repeat(501) }, ["x"], { a: { b: "c" } }];
    for (const dynamic_vars of vars)
      await expectError(await placeCall(imported, { dynamic_vars }), 400, "invalid_field");
    await expectError(await placeCall(imported, { machine_detection: "yes" }), 400, "invalid_field");
    expect(callsAtTwilio()).toEqual([]);
  });

  it("refuses a message for machines if it is not to be found out whether one answers", async () => {
    const imported = await haveImported();
    const { details } = await expectError(
      await placeCall(imported, { voicemail_message: "Please call back." }),
      400,
      "missing_field",
    );
    expect(details).toMatchObject({ fields: ["machine_detection"], problems: [{ problem: "required" }] });
    expect(callsAtTwilio()).toEqual([]);
  });

  it("says that fields do not go together before it looks for agent and number", async () => {
    const imported = await haveImported();
    const nobody = { agent_id: "agent_0000000000000000", from_number: CALLEE };
    const alone = { ...nobody, voicemail_message: "Please call back." };
    await expectError(await placeCall(imported, alone), 400, "missing_field");
    const both = { ...nobody, ai_speaks_first: false, welcome_message: "Hello." };
    await expectError(await placeCall(imported, both), 400, "invalid_field");
    const malformed = { to_number: "0044 20" };
    await expectError(await placeCall(imported, { ...alone, ...malformed }), 400, "missing_field");
    await expectError(await placeCall(imported, { ...both, ...malformed }), 400, "invalid_field");
    await expectError(await placeCall(imported, nobody), 404, "agent_not_found");
  });

  it("calls neither from a number that may not, nor for an agent that is not active", async () => {
    const imported = await haveImported();
    const { key, phoneNumber, agentId } = imported;
    await call("PATCH", `/v1/phone-numbers/${phoneNumber}`, key, { outbound_enabled: false });
    await expectError(await placeCall(imported), 403, "outbound_disabled");
    await call("PATCH", `/v1/phone-numbers/${phoneNumber}`, key, { outbound_enabled: true });
    await call("PUT", `/v1/agents/${agentId}`, key, { is_active: false });
    await expectError(await placeCall(imported), 403, "outbound_disabled");
    expect(callsAtTwilio()).toEqual([]);
  });

  it.each([
    ["13224", "number_unreachable", () => twilio.state.unreachable.add(CALLEE)],
    [
      "21219",
      "trial_unverified_number",
      () => {
        for (const account of twilio.state.accounts.values()) account.type = "Trial";
      },
    ],
  ])("says why Twilio refuses: %s", async (code, reason, arrange) => {
    const imported = await haveImported();
    arrange();
    const { details } = await expectError(await placeCall(imported), 422, "outbound_refused");
    expect(details).toMatchObject({ twilio_code: Number(code), reason });
  });

  it.each([
    [effects.notFound, 422, "outbound_refused", "not_found_at_twilio", "Check that both still exist there."],
    [effects.refusal(13227), 422, "outbound_refused", "country_not_enabled", "Enable the country"],
    [effects.refusal(13225), 422, "outbound_refused", "country_not_enabled", "Enable the country"],
    [effects.refusal(10002), 422, "outbound_refused", "not_allowed_on_trial", "Upgrade the account"],
    [effects.refusal(21217), 422, "outbound_refused", "number_unreachable", "Nobody can be called"],
    [effects.refusal(29999), 422, "outbound_refused", undefined, "would refuse it again"],
    [effects.refusal(10004), 502, "outbound_failed", "too_many_calls", "Try again when one has ended."],
    [effects.refusal(10001), 401, "twilio_invalid_credentials", "suspended_account", "Activate it"],
    [effects.refusal(21472), 401, "twilio_invalid_credentials", "suspended_account", "Activate it"],
    [effects.noPermission, 401, "twilio_invalid_credentials", "missing_permission", "may not do this"],
  ])(
    "says what to do about a refusal, and whether trying again helps: %j",
    async (effect, status, code, reason, words) => {
      const imported = await haveImported();
      twilio.faults.add({ effect, operation: "call" });
      const response = await placeCall(imported);
      expect(response.headers.get("retry-after")).toBe(code === "outbound_failed" ? "5" : null);
      const { details, message } = await expectError(response, status, code);
      expect(details.reason).toBe(reason);
      expect(message).toContain(words);
      expect(message).not.toMatch(status === 401 ? /^$/ : /token/i);
    },
  );

  it("tries once more what Twilio refuses because another update is running", async () => {
    const imported = await haveImported();
    twilio.faults.add({ effect: effects.conflict, operation: "call" });
    expect((await placeCall(imported)).status).toBe(201);
    twilio.faults.add({ effect: effects.otherUpdate, operation: "call", times: 2 });
    const { details } = await expectError(await placeCall(imported), 502, "outbound_failed");
    expect(details).toMatchObject({ reason: "other_update_running", retry_after: 5 });
    expect(callsAtTwilio()).toHaveLength(1);
  });

  it("answers Twilio's refusals of credentials as an import does", async () => {
    const imported = await haveImported();
    twilio.faults.add({ effect: effects.authenticate, operation: "call" });
    await expectError(await placeCall(imported), 401, "twilio_auth_failed");
    twilio.faults.add({ effect: effects.notActive, operation: "call" });
    await expectError(await placeCall(imported), 401, "twilio_invalid_credentials");
    twilio.faults.add({ effect: effects.tooManyRequestsRetryAfter(7), operation: "call" });
    const busy = await placeCall(imported);
    expect(busy.headers.get("retry-after")).toBe("7");
    await expectError(busy, 503, "twilio_rate_limited");
  });

  it("sees no more calls at once than the key may have, and frees what Twilio refused", async () => {
    const imported = await haveImported();
    await env.DB.prepare("UPDATE api_keys SET limits = json_object('concurrent_call_limit', 1) WHERE id = ?1")
      .bind(imported.key.key_id)
      .run();
    twilio.faults.add({ effect: effects.invalidUrl, operation: "call" });
    await expectError(await placeCall(imported), 422, "outbound_refused");
    expect((await placeCall(imported)).status).toBe(201);
    const refused = await placeCall(imported);
    expect(refused.headers.get("retry-after")).toBe("5");
    const { details } = await expectError(refused, 429, "concurrent_call_limit");
    expect(details).toMatchObject({ limit: 1 });
    // Refused calls take no turn: with one a second, these would leave none for ten seconds.
    for (let again = 0; again < 12; again += 1)
      await expectError(await placeCall(imported), 429, "concurrent_call_limit");
    await twilio.dial({ answers: "busy" });
    expect((await placeCall(imported)).status).toBe(201);
  });

  it("refuses a call whose turn is too far away, and does not count it", async () => {
    const imported = await haveImported();
    await env.DB.prepare("UPDATE api_keys SET limits = json_object('concurrent_call_limit', 1) WHERE id = ?1")
      .bind(imported.key.key_id)
      .run();
    const paces = { getByName: () => ({ turn: async () => ({ kind: "full", retryAfterMs: 2_400 }) }) };
    const full = { ACCOUNT_PACE: paces as unknown as Env["ACCOUNT_PACE"] };
    const response = await placeCall(imported, {}, { env: full });
    expect(response.headers.get("retry-after")).toBe("3");
    await expectError(response, 429, "rate_limit_exceeded");
    expect((await placeCall(imported)).status).toBe(201);
  });

  it("says so if the call log does not answer, and sends nothing", async () => {
    const imported = await haveImported();
    const broken = { getByName: () => ({ begin: () => Promise.reject(new Error("gone")) }) };
    const response = await placeCall(
      imported,
      {},
      { env: { CALL_LOG: broken as unknown as Env["CALL_LOG"] } },
    );
    await expectError(response, 503, "storage_unavailable");
    const stuck = { getByName: () => ({ turn: () => Promise.reject(new Error("gone")) }) };
    const other = await placeCall(
      imported,
      {},
      { env: { ACCOUNT_PACE: stuck as unknown as Env["ACCOUNT_PACE"] } },
    );
    await expectError(other, 503, "storage_unavailable");
    expect(callsAtTwilio()).toEqual([]);
  });
});

describe("an outcome that nobody knows", () => {
  /** A call that somebody else has placed from the same number. */
  function callFrom(country: string, rest: string): void {
    const [call] = twilio.state.calls;
    if (!call) throw new Error("no call");
    const resource = { ...call.resource, sid: newSid("CA"), to: country + rest };
    twilio.state.calls.push({ ...call, resource });
  }

  const lost = [
    ["the answer is lost", effects.replyLost],
    ["a server error after the call was placed", effects.appliedButServerError],
    ["an answer that is not JSON", effects.appliedButNotJson],
  ] as const;

  it.each(lost)("finds the call at Twilio: %s", async (_, effect) => {
    const imported = await haveImported();
    twilio.faults.add({ effect, operation: "call" });
    const response = await placeCall(imported);
    expect(await response.json()).toMatchObject({ call_id: callsAtTwilio()[0]?.sid });
    expect(callsAtTwilio()).toHaveLength(1);
  });

  it("says unknown if Twilio cannot be asked either; the same request then finds it and calls nobody twice", async () => {
    const imported = await haveImported();
    const headers = { "idempotency-key": "one" };
    twilio.faults.add({ effect: effects.replyLost, operation: "call" });
    twilio.faults.add({ effect: effects.serverErrorHtml, operation: "calls", times: 3 });
    const { details } = await expectError(await placeCall(imported, {}, { headers }), 502, "outbound_failed");
    expect(details).toMatchObject({ outcome: "unknown" });
    const again = await placeCall(imported, {}, { headers });
    expect(again.status).toBe(201);
    expect(await again.json()).toMatchObject({ call_id: callsAtTwilio()[0]?.sid });
    expect(callsAtTwilio()).toHaveLength(1);
  });

  it("does not send again what never arrived, until the caller says so with a new key", async () => {
    const imported = await haveImported();
    const headers = { "idempotency-key": "two" };
    twilio.faults.add({ effect: effects.reset, operation: "call" });
    await expectError(await placeCall(imported, {}, { headers }), 502, "outbound_failed");
    await expectError(await placeCall(imported, {}, { headers }), 502, "outbound_failed");
    expect(callsAtTwilio()).toHaveLength(0);
    expect((await placeCall(imported, {}, { headers: { "idempotency-key": "three" } })).status).toBe(201);
  });

  it.each<[string, string, () => void]>([
    ["not_sent", "no call", () => undefined],
    ["unknown", "a call to the number, written in another way", () => callFrom("+521", "5550001234")],
    ["not_sent", "a call to another number", () => callFrom("+52", "5550009999")],
  ])("is %s after two minutes if Twilio has %s", async (outcome, _, arrange) => {
    const imported = await haveImported();
    const headers = { "idempotency-key": "four" };
    const to_number = "+525550001234";
    twilio.faults.add({ effect: effects.reset, operation: "call" });
    await expectError(await placeCall(imported, { to_number }, { headers }), 502, "outbound_failed");
    expect((await placeCall(imported)).status).toBe(201);
    arrange();
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 124_000 });
    const { details } = await expectError(
      await placeCall(imported, { to_number }, { headers }),
      502,
      "outbound_failed",
    );
    expect(details).toMatchObject({ outcome });
  });

  it("keeps its place among the key's calls until it is known that it was not sent, to the millisecond", async () => {
    const imported = await haveImported();
    await env.DB.prepare(`UPDATE api_keys SET limits = '{"concurrent_call_limit":1}' WHERE id = ?1`)
      .bind(imported.key.key_id)
      .run();
    const start = Date.now();
    const outcomeAt = async (ms: number) => {
      vi.useFakeTimers({ toFake: ["Date"], now: start + ms });
      const response = await placeCall(imported, {}, { headers: { "idempotency-key": "six" } });
      return (await expectError(response, 502, "outbound_failed")).details.outcome;
    };
    twilio.faults.add({ effect: effects.reset, operation: "call" });
    expect(await outcomeAt(0)).toBe("unknown");
    expect(await outcomeAt(120_000)).toBe("unknown");
    await expectError(await placeCall(imported), 429, "concurrent_call_limit");
    expect(await outcomeAt(120_001)).toBe("not_sent");
    expect((await placeCall(imported)).status).toBe(201);
  });

  it("is not sent if what Twilio lists is another's, and never sent again", async () => {
    const imported = await haveImported();
    const start = Date.now();
    const send = (key: string, ms: number) => {
      vi.useFakeTimers({ toFake: ["Date"], now: start + ms });
      return placeCall(imported, {}, { headers: { "idempotency-key": key } });
    };
    expect((await send("another", 0)).status).toBe(201);
    twilio.faults.add({ effect: effects.reset, operation: "call" });
    expect((await send("seven", 0)).status).toBe(502);
    const settled = await expectError(await send("seven", 124_000), 502, "outbound_failed");
    expect(settled.details).toMatchObject({ outcome: "not_sent" });
    expect(callsAtTwilio()).toHaveLength(1);
  });

  it("hears Twilio's refusal although the call log cannot forget the attempt", async () => {
    const imported = await haveImported();
    twilio.faults.add({ effect: effects.invalidUrl, operation: "call" });
    const broken = brokenLogs({ method: "forget", when: "before", times: 9 });
    await expectError(await placeCall(imported, {}, { env: broken }), 422, "outbound_refused");
    expect(logLines()).toContainEqual(expect.objectContaining({ event: "attempt_not_forgotten" }));
  });

  it("learns the call from Twilio's first webhook, if it is carried out late", async () => {
    const imported = await haveImported();
    const headers = { "idempotency-key": "late" };
    const hurried = { headers, env: { TWILIO_TIMEOUT_MS: "60" } };
    twilio.faults.add({ effect: { kind: "late", requests: 9 }, operation: "call" });
    await expectError(await placeCall(imported, {}, hurried), 502, "outbound_failed");
    await twilio.finishLate();
    await twilio.dial({ answers: "no-answer" });
    const before = operations().length;
    const found = await placeCall(imported, {}, { headers });
    expect(await found.json()).toMatchObject({ call_id: callsAtTwilio()[0]?.sid });
    expect(operations().slice(before)).toEqual([]);
    expect(callsAtTwilio()).toHaveLength(1);
  });

  it("takes no call for its own that may be that of another whose answer was lost", async () => {
    const imported = await haveImported();
    const send = (key: string) => placeCall(imported, {}, { headers: { "idempotency-key": key } });
    twilio.faults.add({ effect: effects.replyLost, operation: "call" });
    twilio.faults.add({ effect: effects.serverErrorHtml, operation: "calls", times: 3 });
    await expectError(await send("first"), 502, "outbound_failed");
    twilio.faults.add({ effect: effects.reset, operation: "call" });
    const { details } = await expectError(await send("second"), 502, "outbound_failed");
    expect(details).toMatchObject({ outcome: "unknown" });
    expect(callsAtTwilio()).toHaveLength(1);
  });

  it("takes no call for its own that is another's, or that may be one of two", async () => {
    const imported = await haveImported();
    expect((await placeCall(imported)).status).toBe(201);
    twilio.faults.add({ effect: effects.reset, operation: "call" });
    const { details } = await expectError(await placeCall(imported), 502, "outbound_failed");
    expect(details).toMatchObject({ outcome: "unknown" });
  });
});

describe("turns", () => {
  it("come one after the other, and no further away than a request waits", () => {
    expect(planTurn(0, 1, 5_000)).toEqual({ kind: "go", waitMs: 0, nextAt: 6_000 });
    expect(planTurn(6_000, 4, 5_000)).toEqual({ kind: "go", waitMs: 1_000, nextAt: 6_250 });
    expect(planTurn(5_000 + MAX_WAIT_MS, 1, 5_000)).toMatchObject({ kind: "go", waitMs: MAX_WAIT_MS });
    expect(planTurn(6_500 + MAX_WAIT_MS, 1, 5_000)).toEqual({ kind: "full", retryAfterMs: 1_500 });
  });

  it("are given by one object for each account", async () => {
    const pace = env.ACCOUNT_PACE.getByName(crypto.randomUUID());
    const turns = [];
    for (let count = 0; count < 13; count += 1) turns.push(await pace.turn(1));
    expect(turns.map(({ kind }) => kind)).toEqual([...Array(11).fill("go"), "full", "full"]);
  });
});
