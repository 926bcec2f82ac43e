import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { webhooksOf } from "../../../src/twilio/webhook-urls.ts";
import { tell } from "../../support/answering.ts";
import { type D1Fault, watchedDatabase } from "../../support/database.ts";
import { prepareImport } from "../../support/import.ts";
import { expectErrorLog, expectLine } from "../../support/logs.ts";
import { reconcile } from "../../support/reconciliation.ts";
import { operations, twilio } from "../../support/twilio.ts";
import { BASE, call, createAgent, createKey, expectError, get, post, rows } from "../../support/worker.ts";
import { type Effect, effects, type Fault } from "../../twilio-simulator/faults.ts";
import type { NumberResource } from "../../twilio-simulator/resource.ts";
import { addApplication } from "../../twilio-simulator/state.ts";

// What an import must survive. After each fault the number is either imported or exactly as it was; where that cannot
// be settled at once, the owner's next import settles it.

const IMPATIENT = { TWILIO_TIMEOUT_MS: "40" };

/** A number with something of its owner's in every field that an import overwrites. */
async function prepare() {
  const application = addApplication(twilio.state, { smsUrl: "https://old.example.com/app-sms" });
  const prepared = await prepareImport({
    voice_url: "https://old.example.com/voice?key=1#rc=2",
    voice_method: "GET",
    voice_fallback_url: "https://old.example.com/voice-fallback",
    voice_fallback_method: "GET",
    trunk_sid: `TK${"0".repeat(32)}`,
    voice_receive_mode: "fax",
    sms_url: "https://old.example.com/sms",
    sms_fallback_url: "https://old.example.com/sms-fallback",
    sms_method: "GET",
    sms_fallback_method: "GET",
    sms_application_sid: application.sid,
    status_callback: "https://old.example.com/status",
    status_callback_method: "GET",
  });
  return { ...prepared, before: configuration(prepared.number) };
}

type Prepared = Awaited<ReturnType<typeof prepare>>;

function configuration({ date_updated: _, ...number }: NumberResource) {
  return structuredClone(number);
}

const held = ({ number }: Prepared) => configuration(twilio.state.numbers.get(number.sid) ?? number);

async function expectAsBefore(prepared: Prepared): Promise<void> {
  expect(held(prepared)).toEqual(prepared.before);
  expect(await rows("phone_numbers")).toEqual([]);
  expect(await rows("twilio_accounts")).toEqual([]);
}

/** Nothing that Twilio was still at work on can come late any more, and recovery runs. */
async function timePasses(): Promise<void> {
  await env.DB.batch([
    env.DB.prepare("UPDATE phone_numbers SET lease_expires_at = '2020' WHERE state <> 'active'"),
    env.DB.prepare("UPDATE phone_numbers SET next_attempt_at = '2020', outcome_unknown_until = NULL"),
  ]);
  await reconcile();
}

async function expectImported({ number }: Prepared): Promise<void> {
  const [row] = await rows<{ id: string; twilio_account_id: string }>("phone_numbers");
  expect(row).toMatchObject({ state: "active", lease_expires_at: null });
  const now = twilio.state.numbers.get(number.sid);
  const { voice, sms } = webhooksOf(BASE, {
    accountId: row?.twilio_account_id ?? "",
    phoneNumberId: row?.id ?? "",
  });
  expect([now?.voice_url, now?.sms_url]).toEqual([voice, sms]);
  expect(now).toMatchObject({ trunk_sid: null, sms_application_sid: "", voice_receive_mode: "voice" });
}

const importIt = (prepared: Prepared, overrides: Partial<Env> = {}) =>
  post("/v1/phone-numbers", prepared.body, { key: prepared.key, env: overrides });

/** Whatever an import left behind, the owner's next one finishes it, and what it keeps as previous is the owner's. */
async function expectNextImportFinishes(prepared: Prepared): Promise<void> {
  twilio.faults.clear();
  expect((await importIt(prepared)).status).toBe(201);
  await expectImported(prepared);
}

describe("the look-up fails", () => {
  it.each<[string, Effect, number, string]>([
    ["network", effects.reset, 502, "twilio_unavailable"],
    ["500 with HTML", effects.serverErrorHtml, 502, "twilio_unavailable"],
    ["503 without a body", effects.serviceUnavailableEmpty, 502, "twilio_unavailable"],
  ])("%s, each time: three tries, then %s", async (_, effect, status, code) => {
    const prepared = await prepare();
    twilio.faults.add({ operation: "list", effect, times: null });
    await expectError(await importIt(prepared), status, code);
    await expectAsBefore(prepared);
    if (effect.kind === "respond") expect(operations()).toEqual(["list", "list", "list"]);
  });

  it.each([
    effects.reset,
    effects.serverErrorHtml,
    effects.tooManyRequests,
    effects.tooManyRequestsRetryAfter(0),
  ])("once or twice: the import succeeds all the same (%j)", async (effect) => {
    const prepared = await prepare();
    twilio.faults.add({ operation: "list", effect, times: 2 });
    expect((await importIt(prepared)).status).toBe(201);
    await expectImported(prepared);
  });

  it("429 for longer than patience lasts: twilio_rate_limited", async () => {
    const prepared = await prepare();
    twilio.faults.add({ operation: "list", effect: effects.tooManyRequests, times: null });
    const response = await importIt(prepared, IMPATIENT);
    await expectError(response, 503, "twilio_rate_limited");
    expect(response.headers.get("retry-after")).toMatch(/^\d+$/);
    await expectAsBefore(prepared);
  });

  it("429 with a Retry-After beyond patience is passed on at once", async () => {
    const prepared = await prepare();
    twilio.faults.add({ operation: "list", effect: effects.tooManyRequestsRetryAfter(120) });
    const response = await importIt(prepared);
    const error = await expectError(response, 503, "twilio_rate_limited");
    expect(error.type).toBe("provider_error");
    expect(error.details).toMatchObject({ retry_after: 120, twilio_code: 20429 });
    expect(response.headers.get("retry-after")).toBe("120");
    expect(operations()).toEqual(["list"]);
  });

  it.each([effects.redirect, effects.notJson])(
    "an answer that is none is not tried again (%j)",
    async (effect) => {
      const prepared = await prepare();
      twilio.faults.add({ operation: "list", effect });
      await expectError(await importIt(prepared), 502, "twilio_unavailable");
      expect(operations()).toEqual(["list"]);
      await expectAsBefore(prepared);
    },
  );

  it("no answer within the deadline", async () => {
    const prepared = await prepare();
    twilio.faults.add({ operation: "list", effect: effects.hang });
    await expectError(await importIt(prepared, IMPATIENT), 502, "twilio_unavailable");
    await expectAsBefore(prepared);
  });

  it("its fault comes before D1's", async () => {
    const prepared = await prepare();
    twilio.faults.add({ operation: "list", effect: effects.authenticate });
    const { DB } = watchedDatabase({ trip: 2, when: "before" });
    await expectError(await importIt(prepared, { DB }), 401, "twilio_auth_failed");
  });
});

describe("the update is refused: nothing was changed, and the claim is undone", () => {
  it.each<[Effect, number, string]>([
    [effects.authenticate, 401, "twilio_auth_failed"],
    [effects.notActive, 401, "twilio_invalid_credentials"],
    [effects.notFound, 404, "number_not_in_twilio"],
    [effects.invalidUrl, 422, "twilio_update_rejected"],
    [effects.refusal(10001), 401, "twilio_invalid_credentials"],
    [effects.noPermission, 401, "twilio_invalid_credentials"],
    [effects.tooManyRequestsRetryAfter(60), 503, "twilio_rate_limited"],
  ])("%j", async (effect, status, code) => {
    const prepared = await prepare();
    twilio.faults.add({ operation: "update", effect });
    const error = await expectError(await importIt(prepared), status, code);
    if (code === "twilio_update_rejected") expect(error.details).toMatchObject({ twilio_code: 21402 });
    expect(operations()).toEqual(["list", "update"]);
    await expectAsBefore(prepared);
    await expectNextImportFinishes(prepared);
  });

  it.each([
    [effects.refusal(21634), "trunk_or_emergency_use"],
    [effects.refusal(21631), "regulatory_information_missing"],
    [effects.refusal(21615), "regulatory_information_missing"],
  ])("says the reason, and what to do: %j", async (effect, reason) => {
    const prepared = await prepare();
    twilio.faults.add({ operation: "update", effect });
    const error = await expectError(await importIt(prepared), 422, "twilio_update_rejected");
    expect(error.details).toMatchObject({ reason });
    expect(error.message).toContain("in Twilio's Console first.");
    await expectAsBefore(prepared);
  });

  it("another update that is running is waited for once", async () => {
    const prepared = await prepare();
    twilio.faults.add({ operation: "update", effect: effects.conflict });
    expect((await importIt(prepared)).status).toBe(201);
    expect(operations()).toEqual(["list", "update", "update"]);
    await expectImported(prepared);
  });

  it.each([effects.conflict, effects.otherUpdate])(
    "an update that goes on running may pass: %j",
    async (effect) => {
      const prepared = await prepare();
      twilio.faults.add({ operation: "update", effect, times: 2 });
      const response = await importIt(prepared);
      expect(response.headers.get("retry-after")).toBe("5");
      const error = await expectError(response, 502, "twilio_unavailable");
      expect(error.details).toMatchObject({ reason: "other_update_running" });
      await expectAsBefore(prepared);
      await expectNextImportFinishes(prepared);
    },
  );

  it("a conflict of another code may pass, too, and the message does not say otherwise", async () => {
    const prepared = await prepare();
    twilio.faults.add({ operation: "update", effect: effects.transactionConflict, times: 2 });
    const response = await importIt(prepared);
    expect(response.headers.get("retry-after")).toBe("5");
    const error = await expectError(response, 502, "twilio_unavailable");
    expect(error.details).toMatchObject({ twilio_status: 409, twilio_code: 59102 });
    expect(error.message).toMatch(/Try again\.$/);
    await expectAsBefore(prepared);
  });

  it("a passing 429 is waited for: Twilio had not begun", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0.01); // A short wait, so that many of them take no time.
    const prepared = await prepare();
    twilio.faults.add({ operation: "update", effect: effects.tooManyRequests, times: 12 });
    expect((await importIt(prepared)).status).toBe(201);
    expect(operations()).toEqual(["list", ...Array(13).fill("update")]);
    await expectImported(prepared);
  });

  it("429 for longer than patience lasts: twilio_rate_limited", async () => {
    const prepared = await prepare();
    twilio.faults.add({ operation: "update", effect: effects.tooManyRequests, times: null });
    await expectError(await importIt(prepared, IMPATIENT), 503, "twilio_rate_limited");
    await expectAsBefore(prepared);
    await expectNextImportFinishes(prepared);
  });
});

describe("the outcome of the update is unknown: what is ours is given back", () => {
  it.each<[string, Effect]>([
    ["reset after it was applied", effects.replyLost],
    ["500 before", effects.serverErrorHtml],
    ["500 after", effects.appliedButServerError],
    ["200 that is not JSON, before", effects.notJson],
    ["200 that is not JSON, after", effects.appliedButNotJson],
    ["redirect", effects.redirect],
  ])("%s", async (_, effect) => {
    const prepared = await prepare();
    twilio.faults.add({ operation: "update", effect });
    const error = await expectError(await importIt(prepared), 502, "twilio_unavailable");
    expect(error.details.outcome).toBeUndefined();
    await expectAsBefore(prepared);
    await expectNextImportFinishes(prepared);
  });

  it.each<[string, Effect]>([
    ["no answer within the deadline, before it was applied", effects.hang],
    ["no answer within the deadline, after it was applied", effects.appliedButHangs],
    ["reset before it was applied", effects.reset],
    ["503 before", effects.serviceUnavailableEmpty],
  ])("%s", async (_, effect) => {
    const prepared = await prepare();
    twilio.faults.add({ operation: "update", effect });
    await expectError(await importIt(prepared, IMPATIENT), 502, "twilio_unavailable");
    expect(held(prepared)).toEqual(prepared.before);
    await timePasses();
    await expectAsBefore(prepared);
  });

  describe.each([undefined, "reset", 502, 503, 504] as const)("answered with %s", (answer) => {
    it.each([0, 1, 2])("and applied only after %i further looks at the number", async (requests) => {
      const prepared = await prepare();
      twilio.faults.add({
        operation: "update",
        effect: { kind: "late", requests, ...(answer && { answer }) },
      });
      await expectError(await importIt(prepared, IMPATIENT), 502, "twilio_unavailable");
      await expectAsBefore(prepared);
    });
  });

  it("no answer within the deadline, and imported again before it is applied", async () => {
    const prepared = await prepare();
    twilio.faults.add({ operation: "update", effect: { kind: "late", requests: 3 } });
    const original = twilio.fetch;
    let second: Promise<Response> | undefined;
    twilio.fetch = async (request) => {
      const isWatch = operations().includes("fetch") && request.method === "GET";
      if (isWatch && !second) {
        twilio.fetch = original;
        second = importIt(prepared);
        await second;
      }
      return original(request);
    };
    await expectError(await importIt(prepared, IMPATIENT), 502, "twilio_unavailable");
    expect((await second)?.status).toBe(201);
    await expectImported(prepared);
  });

  it("and released before it is applied: looked at again, and given back", async () => {
    const prepared = await prepare();
    twilio.faults.add({ operation: "update", effect: { kind: "late", requests: 99 } });
    twilio.faults.add({ operation: "fetch", effect: effects.serverErrorHtml, times: 3 });
    await expectError(await importIt(prepared, IMPATIENT), 502, "twilio_unavailable");
    const path = `/v1/phone-numbers/${encodeURIComponent(prepared.number.phone_number)}`;
    expect((await call("DELETE", path, prepared.key)).status).toBe(200);
    await expectError(await get(path, prepared.key), 404, "number_not_found");
    await twilio.finishLate();
    expect(held(prepared).voice_url).toContain("/webhooks/twilio/");
    await timePasses();
    await expectAsBefore(prepared);
  });

  it("is never sent a second time unseen", async () => {
    const prepared = await prepare();
    twilio.faults.add({ operation: "update", effect: effects.serverErrorHtml });
    await importIt(prepared);
    expect(operations()).toEqual(["list", "update", "fetch"]);
  });

  it("the reading back is tried again as well", async () => {
    const prepared = await prepare();
    twilio.faults.add({ operation: "update", effect: effects.replyLost });
    twilio.faults.add({ operation: "fetch", effect: effects.serverErrorHtml, times: 2 });
    await expectError(await importIt(prepared), 502, "twilio_unavailable");
    await expectAsBefore(prepared);
  });

  it("what the owner changed in the meantime stays", async () => {
    const prepared = await prepare();
    const state = twilio.state.numbers.get(prepared.number.sid) as NumberResource;
    twilio.faults.add({ operation: "update", effect: effects.replyLost });
    twilio.faults.add({ operation: "fetch", effect: { kind: "slow", milliseconds: 0 } });
    const original = twilio.fetch;
    // The owner re-points the SMS side between our update and our reading back.
    twilio.fetch = (request) => {
      if (request.method === "GET" && request.url.includes(prepared.number.sid))
        state.sms_url = "https://new.example.com/sms";
      return original(request);
    };
    await expectError(await importIt(prepared), 502, "twilio_unavailable");
    expect(held(prepared)).toMatchObject({
      voice_url: "https://old.example.com/voice?key=1#rc=2",
      sms_url: "https://new.example.com/sms",
      sms_fallback_url: "https://old.example.com/sms-fallback",
      status_callback: "https://old.example.com/status",
    });
    expect(await rows("phone_numbers")).toEqual([]);
  });
});

describe("Twilio says yes and the number says otherwise", () => {
  it("is twilio_webhooks_not_applied, and names the parameters", async () => {
    const prepared = await prepare();
    twilio.faults.add({ operation: "update", effect: effects.ignored });
    const error = await expectError(await importIt(prepared), 502, "twilio_webhooks_not_applied");
    expect(error.details.fields).toContain("VoiceUrl");
    expect(error.details.fields).toContain("TrunkSid");
    await expectAsBefore(prepared);
    await expectNextImportFinishes(prepared);
  });
});

describe("what cannot be settled now", () => {
  const outcomeUnknown: [string, Fault[]][] = [
    [
      "reading back fails, update applied",
      [
        { operation: "update", effect: effects.replyLost },
        { operation: "fetch", effect: effects.serverErrorHtml, times: null },
      ],
    ],
    [
      "reading back fails, update not applied",
      [
        { operation: "update", effect: effects.reset },
        { operation: "fetch", effect: effects.reset, times: null },
      ],
    ],
    [
      "credentials die after the update",
      [
        { operation: "update", effect: effects.replyLost },
        { operation: "fetch", effect: effects.authenticate, times: null },
      ],
    ],
    [
      "giving back is refused",
      [
        { operation: "update", effect: effects.replyLost },
        { operation: "update", effect: effects.invalidUrl },
      ],
    ],
    [
      "giving back is not confirmed, and reading back fails",
      [
        { operation: "update", effect: effects.replyLost },
        { operation: "update", effect: effects.reset },
        { operation: "fetch", effect: effects.serverErrorHtml, after: 1, times: null },
      ],
    ],
  ];

  it.each(outcomeUnknown)(
    "%s: stays importing, and the owner's next import finishes it",
    async (name, faults) => {
      const prepared = await prepare();
      for (const fault of faults) twilio.faults.add(fault);
      if (name.startsWith("giving back")) expectErrorLog("import_not_undone");
      const error = await expectError(await importIt(prepared), 502, "twilio_unavailable");
      expect(error.details).toMatchObject({ outcome: "unknown" });
      const [left] = await rows("phone_numbers");
      // Nothing of it was tried again yet.
      expect(left).toMatchObject({ state: "importing", recovery_attempts: 0 });
      await expectNextImportFinishes(prepared);
      expect(await rows("phone_numbers")).toEqual([expect.objectContaining({ id: left?.id })]);
    },
  );

  it("the first snapshot is kept: a second failure gives back what the owner had", async () => {
    const prepared = await prepare();
    twilio.faults.add({ operation: "update", effect: effects.replyLost });
    twilio.faults.add({ operation: "fetch", effect: effects.serverErrorHtml, times: 3 });
    await expectError(await importIt(prepared), 502, "twilio_unavailable");
    expect(held(prepared).voice_url).toContain("/webhooks/twilio/");

    twilio.faults.add({ operation: "update", effect: effects.invalidUrl });
    await expectError(await importIt(prepared), 422, "twilio_update_rejected");
    expect(held(prepared)).toEqual(prepared.before);
    await timePasses();
    await expectAsBefore(prepared);
  });

  it("the first snapshot is kept, though the deployment has another address by now", async () => {
    const prepared = await prepare();
    twilio.faults.add({ operation: "update", effect: effects.replyLost });
    twilio.faults.add({ operation: "fetch", effect: effects.serverErrorHtml, times: null });
    const error = await expectError(await importIt(prepared), 502, "twilio_unavailable");
    expect(error.details).toMatchObject({ outcome: "unknown" });
    expect(error.message).not.toContain("Nothing was changed");
    twilio.faults.clear();
    twilio.faults.add({ operation: "update", effect: effects.appliedButServerError });
    const moved = await importIt(prepared, { PUBLIC_BASE_URL: "https://moved.example.com" });
    expect(moved.status).toBe(502);
    expect(held(prepared)).toEqual(prepared.before);
    await timePasses();
    await expectAsBefore(prepared);
  });

  it("a token that is new by then signs what comes after, and the one before still does", async () => {
    const prepared = await prepare();
    const { account, body, key } = prepared;
    for (const fault of outcomeUnknown[0]?.[1] ?? []) twilio.faults.add(fault);
    await importIt(prepared);
    twilio.faults.clear();
    const before = account.authToken;
    account.authToken = "e".repeat(32);
    await env.DB.prepare("UPDATE phone_numbers SET lease_expires_at = '2020'").run();
    await env.DB.prepare(`UPDATE twilio_accounts SET health_reasons = '["credentials_rejected"]'`).run();
    const imported = await post("/v1/phone-numbers", { ...body, twilio_token: account.authToken }, { key });
    expect(imported.status).toBe(201);
    const [{ id = "" } = {}] = await rows<{ id: string }>("phone_numbers");
    // The one before is forgotten once the new one has signed.
    for (const token of [before, account.authToken])
      expect((await tell({ id, account }, "voice", { CallSid: "CA1" }, { token })).status).toBe(200);
    // It was accepted just now, so the account is well.
    expect(await rows("twilio_accounts")).toMatchObject([{ health: "ok" }]);
  });

  it("another key is refused meanwhile, and told nothing", async () => {
    const prepared = await prepare();
    for (const fault of outcomeUnknown[0]?.[1] ?? []) twilio.faults.add(fault);
    await importIt(prepared);
    twilio.faults.clear();
    const other = await createKey();
    const body = { ...prepared.body, agent_id: await createAgent(other) };
    const error = await expectError(
      await post("/v1/phone-numbers", body, { key: other }),
      409,
      "number_already_imported",
    );
    expect(error.details).toEqual({});
  });

  it("calls are answered meanwhile", async () => {
    const prepared = await prepare();
    for (const fault of outcomeUnknown[0]?.[1] ?? []) twilio.faults.add(fault);
    await importIt(prepared);
    expect((await twilio.ring("+447446466847")).answeredBy).toBe("webhook");
  });
});

describe("D1 fails", () => {
  async function importWith(prepared: Prepared, fault: D1Fault): Promise<Response> {
    const { DB } = watchedDatabase(fault);
    return importIt(prepared, { DB });
  }

  it.each<[string, D1Fault]>([
    ["authentication", { trip: 1, when: "before" }],
    ["look-up", { trip: 2, when: "before" }],
    ["claim", { trip: 3, when: "before" }],
  ])("at the %s: nothing was touched", async (_, fault) => {
    const prepared = await prepare();
    const error = await expectError(await importWith(prepared, fault), 503, "storage_unavailable");
    expect(error.type).toBe("provider_error");
    expect(operations()).not.toContain("update");
    await expectAsBefore(prepared);
    await expectNextImportFinishes(prepared);
  });

  it("at the claim, after it was written: nothing was touched at Twilio, nothing stays behind", async () => {
    const prepared = await prepare();
    await expectError(await importWith(prepared, { trip: 3, when: "after" }), 503, "storage_unavailable");
    await expectAsBefore(prepared);
  });

  it.each(["before", "after"] as const)(
    "once at the activation, %s it was written: tried again, and imported",
    async (when) => {
      const prepared = await prepare();
      expect((await importWith(prepared, { trip: 4, when })).status).toBe(201);
      expectLine("activation_repeated", { level: "warn", error_message: expect.any(String) });
      await expectImported(prepared);
    },
  );

  it("twice at the activation: says that the number may point here, and the next import finishes it", async () => {
    const prepared = await prepare();
    const error = await expectError(
      await importWith(prepared, { trip: 4, when: "before", times: 2 }),
      503,
      "storage_unavailable",
    );
    expect(error.details).toEqual({ outcome: "unknown" });
    expect(error.message).not.toContain("Nothing was changed");
    expect(await rows("phone_numbers")).toEqual([expect.objectContaining({ state: "importing" })]);
    await expectNextImportFinishes(prepared);
  });

  it("from the activation on: the row keeps its lease, and the owner is told when to come back", async () => {
    const prepared = await prepare();
    await expectError(
      await importWith(prepared, { trip: 4, when: "before", times: 99 }),
      503,
      "storage_unavailable",
    );
    const response = await importIt(prepared);
    const error = await expectError(response, 409, "number_already_imported");
    expect(error.details).toEqual({ state: "importing", retry_after: expect.any(Number) });
    expect(response.headers.get("retry-after")).toBe(String(error.details.retry_after));
    await expireLeases();
    await expectNextImportFinishes(prepared);
  });

  it("while undoing: the number is as before, and the next import settles the row", async () => {
    const prepared = await prepare();
    expectErrorLog("import_not_undone");
    twilio.faults.add({ operation: "update", effect: effects.invalidUrl });
    const error = await importWith(prepared, { trip: 4, when: "before" });
    await expectError(error, 422, "twilio_update_rejected");
    expect(held(prepared)).toEqual(prepared.before);
    await expectNextImportFinishes(prepared);
  });
});

/** As if the time of every lease were up: what a died isolate leaves behind. */
async function expireLeases(): Promise<void> {
  await env.DB.prepare("UPDATE phone_numbers SET lease_expires_at = '2000-01-01T00:00:00.000Z'").run();
}
