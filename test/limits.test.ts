import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { phrasesIn } from "../src/agents/phrases.ts";
import { forgetRoutes } from "../src/answering/route-cache.ts";
import { parseDefaultLimits, type SetLimits } from "../src/limits.ts";
import { haveImported, type Imported, tell } from "./support/answering.ts";
import { startCustomer } from "./support/customer.ts";
import { prepareImport } from "./support/import.ts";
import { expectErrorLog } from "./support/logs.ts";
import { haveModel, modelRequests } from "./support/model.ts";
import { outboxRows } from "./support/outbox.ts";
import { twilio } from "./support/twilio.ts";
import {
  asAdmin,
  call,
  createAgent,
  createKey,
  expectError,
  get,
  type Key,
  post,
  rows,
} from "./support/worker.ts";
import { effects } from "./twilio-simulator/faults.ts";

const GB = "+447446466847";
const DESK = "+447700900123";
const LV = "+37120000000";
const PREMIUM = "+19005550123";
/** The deployment as it is unless configured: a key may reach the countries of its own numbers. */
const OWN = { DEFAULT_LIMITS: '{"calls_per_second":100}' };
const ANYWHERE = { DEFAULT_LIMITS: '{"calls_per_second":100,"allowed_countries":["*"]}' };

const set = ({ key_id }: Key, limits: SetLimits, headers?: Record<string, string>) =>
  asAdmin("PATCH", `/v1/keys/${key_id}`, { body: { limits }, env: OWN, ...(headers && { headers }) });

const place = ({ key, agentId }: Imported, to = GB, overrides: Partial<Env> = ANYWHERE) =>
  post("/v1/calls", { agent_id: agentId, to_number: to }, { key, env: overrides });
const text = ({ key, agentId }: Imported, to = GB, overrides: Partial<Env> = ANYWHERE) =>
  post("/v1/sms", { agent_id: agentId, to, message: "Hello" }, { key, env: overrides });

type Limit = { used: number; limit: number | null };
const usage = async (key: Key) =>
  (await get("/v1/usage", key)).json<{
    model: { turns: number; tokens: number };
    limits: Record<string, Limit>;
  }>();

/** Releases a number while Twilio cannot be reached. */
async function haveReturning(key: Key, phoneNumber: string): Promise<void> {
  for (const operation of ["update", "fetch"] as const)
    twilio.faults.add({ operation, effect: effects.reset, times: null });
  await call("DELETE", `/v1/phone-numbers/${encodeURIComponent(phoneNumber)}`, key);
  expect(await rows("phone_numbers")).toContainEqual(
    expect.objectContaining({ phone_number: phoneNumber, state: "returning" }),
  );
  twilio.faults.clear();
}

const callSid = (index: number) => `CA${String(index).padStart(32, "0")}`;

const eventsOf = async (type: string) =>
  (await outboxRows<{ type: string }>()).filter((row) => row.type === type);

describe("PATCH /v1/keys/{key_id}", () => {
  it("sets limits; null is the default again, and what is not sent stays", async () => {
    const key = await createKey();
    const first = await set(key, { calls_per_day: 5, max_agents: 2, allowed_countries: ["GB"] });
    expect(await first.json()).toMatchObject({
      key_id: key.key_id,
      limits: { calls_per_day: 5, max_agents: 2, texts_per_day: null, allowed_countries: ["GB"] },
    });
    const second = await set(key, { max_agents: null, allowed_countries: null });
    expect(await second.json()).toMatchObject({
      limits: { calls_per_day: 5, max_agents: 1_000, model_turns_per_day: 20_000, allowed_countries: [] },
    });
  });

  it("is the operator's, and of a key that there is", async () => {
    const key = await createKey();
    await expectError(
      await set(key, { max_agents: 1 }, { authorization: "Bearer wrong" }),
      401,
      "invalid_admin_token",
    );
    const nobody = { key_id: `nxf_${"0".repeat(32)}`, key_secret: "" };
    await expectError(await set(nobody, { max_agents: 1 }), 404, "key_not_found");
    await expectError(await set(key, { max_agents: -1 }), 400, "invalid_field");
  });
});

describe("DEFAULT_LIMITS", () => {
  it.each([
    ["no JSON", "is no JSON object"],
    ["[]", "is no JSON object"],
    ['{"max_agents":-1}', "max_agents"],
    ['{"calls_per_second":null}', "calls_per_second"],
    ['{"allowed_countries":["England"]}', "allowed_countries"],
    ['{"calls_a_day":1}', "calls_a_day"],
  ])("%s is refused, and the error says why", (value, why) => {
    expect(() => parseDefaultLimits(value)).toThrow(why);
  });

  it("may take a limit away", () => {
    expect(parseDefaultLimits('{"max_agents":null}')).toMatchObject({
      max_agents: null,
      calls_per_day: null,
    });
  });
});

describe("calls and texts of a day", () => {
  it("are refused over the limit until midnight, and told at 80 %", async () => {
    const { url: webhook_url } = startCustomer();
    const imported = await haveImported({ webhook_url });
    await set(imported.key, { calls_per_day: 5, concurrent_call_limit: 100 });
    for (let count = 0; count < 5; count += 1) {
      expect((await place(imported)).status).toBe(201);
      await vi.waitFor(async () => expect(await eventsOf("limit.near")).toHaveLength(count < 3 ? 0 : 1));
    }
    const refused = await place(imported);
    const { details } = await expectError(refused, 429, "limit_reached");
    expect(details).toMatchObject({ name: "calls_per_day", limit: 5, used: 5 });
    expect(String(details.resets_at)).toMatch(/T00:00:00.000Z$/);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(twilio.state.calls).toHaveLength(5);
    expect((await usage(imported.key)).limits.calls_per_day).toEqual({ used: 5, limit: 5 });
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 24 * 60 * 60 * 1_000 });
    try {
      expect((await place(imported)).status).toBe(201);
    } finally {
      vi.useRealTimers();
    }
  });

  it("count what was sent only", async () => {
    const imported = await haveImported();
    await set(imported.key, { texts_per_day: 1 });
    twilio.faults.add({
      effect: { kind: "respond", status: 400, body: '{"code":21211}' },
      operation: "message",
    });
    expect((await text(imported)).status).toBe(422);
    expect((await text(imported)).status).toBe(201);
    const { details } = await expectError(await text(imported), 429, "limit_reached");
    expect(details).toMatchObject({ name: "texts_per_day", used: 1 });
  });
});

describe("calls that are put through", () => {
  const DIAL = { type: "dial", number: DESK };
  const used = async (key: Key) => (await usage(key)).limits.calls_per_day?.used;
  const ring = async (imported: Imported, path = "voice", parameters: Record<string, string> = {}) =>
    (await tell(imported, path, { CallSid: callSid(1), From: LV, ...parameters })).text();

  it.each([
    ["connect", { connect: DIAL }, "voice", {}],
    ["the fallback at the fallback URL", { fallback: DIAL }, "voice-fallback", {}],
    [
      "the fallback after the runtime",
      { connect: { type: "stream", url: "wss://runtime.example/" }, fallback: DIAL },
      "connect-action",
      { StreamError: "Not Found" },
    ],
    [
      "the fallback of an agent that talks",
      { fallback: DIAL, max_turns: 1 },
      "gather",
      { SpeechResult: "Hi" },
    ],
  ])("are calls of the day: %s", async (_, agent, path, parameters) => {
    haveModel(() => new Response("", { status: 401 }));
    const imported = await haveImported(agent);
    await set(imported.key, { calls_per_day: 1 });
    expect(await ring(imported, path, parameters)).toContain(`<Number>${DESK}</Number>`);
    expect(await used(imported.key)).toBe(1);
    const refused = await ring(imported, path, { ...parameters, CallSid: callSid(2) });
    expect(refused).not.toContain("<Dial");
    expect(refused).toContain("not taking calls");
    expect(await used(imported.key)).toBe(1);
  });

  it("are no calls of the day where nothing leaves, and no caller waits for the count without a limit", async () => {
    const sip = await haveImported({ connect: { type: "dial", number: "sip:desk@pbx.example" } });
    await set(sip.key, { calls_per_day: 0 });
    expect(await ring(sip)).toContain("<Sip>");
    const free = await haveImported({ connect: DIAL }, { phone_number: "+15005550010" });
    expect(await ring(free)).toContain("<Number>");
    await vi.waitFor(async () => expect(await used(free.key)).toBe(1));
  });

  it("fall back to words of the agent, where connect may not dial any more", async () => {
    const say = { type: "say", text: "Please call again tomorrow." };
    const imported = await haveImported({ connect: DIAL, fallback: say });
    await set(imported.key, { calls_per_day: 0 });
    expect(await ring(imported)).toContain(say.text);
  });

  it("by the model are refused in words that it sees", async () => {
    haveModel();
    const imported = await haveImported({ transfer_numbers: [DESK] });
    await set(imported.key, { calls_per_day: 1 });
    const wish = { SpeechResult: "Put me through to a person, please." };
    expect(await ring(imported, "gather", wish)).toContain(`<Number>${DESK}</Number>`);
    expect(await used(imported.key)).toBe(1);
    const refused = await ring(imported, "gather", { ...wish, CallSid: callSid(2) });
    expect(refused).not.toContain("<Dial");
    expect(refused).toContain("<Gather");
    await ring(imported, "gather", { SpeechResult: "Why?", CallSid: callSid(2) });
    expect(JSON.stringify(modelRequests().at(-1)?.messages)).toContain(phrasesIn("en").cannotTransfer);
    expect(await used(imported.key)).toBe(1);
  });

  it("are counted by nobody who has not signed", async () => {
    const imported = await haveImported({ fallback: DIAL });
    await set(imported.key, { calls_per_day: 1 });
    forgetRoutes(imported.key.key_id);
    const options = { signature: "A".repeat(28), env: { TOKEN_ENCRYPTION_KEYS: `other:${"A".repeat(43)}` } };
    const parameters = { CallSid: callSid(1), From: LV };
    expectErrorLog("stored_token_unreadable");
    for (let count = 0; count < 3; count += 1)
      expect(await (await tell(imported, "voice-fallback", parameters, options)).text()).toContain("<Dial");
    expect(await used(imported.key)).toBe(0);
  });
});

describe("answers of the model in a day", () => {
  const ask = ({ key, agentId }: Imported) =>
    post(`/v1/agents/${agentId}/try`, { messages: [{ role: "caller", text: "Hello?" }] }, { key });
  const turn = (imported: Imported, call: string) =>
    tell(imported, "gather", { CallSid: call, From: GB, SpeechResult: "When are you open?" });
  const FALLBACK = { type: "say", text: "Our assistant is resting." };
  it("are a tenth of them for tries; the model is not asked beyond", async () => {
    haveModel();
    const imported = await haveImported();
    await set(imported.key, { model_turns_per_day: 20 });
    for (let count = 0; count < 2; count += 1) expect((await ask(imported)).status).toBe(200);
    const { details } = await expectError(await ask(imported), 429, "limit_reached");
    expect(details).toMatchObject({ name: "model_turns_per_day", limit: 2, used: 2 });
    expect(modelRequests()).toHaveLength(2);
    expect((await usage(imported.key)).model).toMatchObject({ turns: 2, tokens: expect.any(Number) });
    expect((await usage(imported.key)).model.tokens).toBeGreaterThan(0);
  });

  it("are counted in calls too, also in those that the customer makes up; a new call then gets the fallback", async () => {
    haveModel();
    const imported = await haveImported({ fallback: FALLBACK });
    await set(imported.key, { model_turns_per_day: 5 });
    for (let call = 0; call < 5; call += 1)
      expect(await (await turn(imported, callSid(call))).text()).toContain("<Gather");
    expect(await (await turn(imported, callSid(9))).text()).toContain(FALLBACK.text);
    expect(modelRequests()).toHaveLength(5);
    expect((await usage(imported.key)).limits.model_turns_per_day).toEqual({ used: 5, limit: 5 });
  });

  it("let a call that has begun go on to its max_turns, counted; a new one gets the fallback", async () => {
    haveModel();
    const imported = await haveImported({ fallback: FALLBACK, max_turns: 6 });
    await set(imported.key, { model_turns_per_day: 2 });
    for (let count = 0; count < 6; count += 1)
      expect(await (await turn(imported, callSid(1))).text()).toContain("<Gather");
    expect(await (await turn(imported, callSid(1))).text()).toContain("<Hangup");
    expect(await (await turn(imported, callSid(2))).text()).toContain(FALLBACK.text);
    expect(modelRequests()).toHaveLength(6);
    // A call tells its later answers in fours, and the rest at its end.
    const used = async () => (await usage(imported.key)).limits.model_turns_per_day;
    expect(await used()).toEqual({ used: 5, limit: 2 });
    await tell(imported, "status", {
      CallSid: callSid(1),
      From: GB,
      CallStatus: "completed",
      CallDuration: "60",
    });
    await vi.waitFor(async () => expect(await used()).toEqual({ used: 6, limit: 2 }));
  });

  it("are counted for texts, whose sender is told nothing and the customer all", async () => {
    haveModel();
    const { url: webhook_url } = startCustomer();
    const imported = await haveImported({ sms_reply: true, webhook_url });
    await set(imported.key, { texts_per_day: 1 });
    for (const sender of ["+447700900001", "+447700900002"])
      await twilio.text(imported.phoneNumber, { from: sender, body: "Hello?" });
    await vi.waitFor(async () => expect(await eventsOf("sms.failed")).toHaveLength(1));
    expect(modelRequests()).toHaveLength(1);
  });
});

describe("how many", () => {
  it("agents a key may have", async () => {
    const key = await createKey();
    await set(key, { max_agents: 2 });
    await createAgent(key);
    await createAgent(key);
    const { details } = await expectError(
      await post("/v1/agents", { name: "x" }, { key }),
      403,
      "limit_reached",
    );
    expect(details).toEqual({ name: "max_agents", limit: 2, used: 2 });
    expect((await usage(key)).limits.max_agents).toEqual({ used: 2, limit: 2 });
  });

  it("bytes an agent may have", async () => {
    const body = { name: "x", system_prompt: "あ".repeat(16_000), welcome_message: "あ".repeat(1_000) };
    const parameters = Object.fromEntries(
      Array.from({ length: 20 }, (_, index) => [`name${index}`, "x".repeat(500)]),
    );
    const connect = { type: "conversation_relay", url: "wss://runtime.example/relay", parameters };
    const key = await createKey();
    expect((await post("/v1/agents", body, { key })).status).toBe(201);
    await expectError(await post("/v1/agents", { ...body, connect }, { key }), 413, "payload_too_large");
  });

  it("numbers a key may have; one that it has may be imported again", async () => {
    const imported = await haveImported();
    await set(imported.key, { max_numbers: 1 });
    const { body } = await prepareImport({ phone_number: "+15005550010" }, imported.key);
    const wanted = { ...body, agent_id: imported.agentId };
    const refused = await post("/v1/phone-numbers", wanted, { key: imported.key });
    const { details } = await expectError(refused, 403, "limit_reached");
    expect(details).toMatchObject({ name: "max_numbers", limit: 1, used: 1 });
    const again = await post("/v1/phone-numbers", imported.body, { key: imported.key });
    await expectError(again, 409, "number_already_imported");
  });

  it("as many numbers if several are imported side by side", async () => {
    const [one, ...others] = await Promise.all(
      ["+15005550010", "+15005550011", "+15005550012"].map((phone_number) => prepareImport({ phone_number })),
    );
    if (!one) throw new Error("no number");
    await set(one.key, { max_numbers: 1 });
    const bodies = [one, ...others].map(({ body }) => ({ ...body, agent_id: one.body.agent_id }));
    const answers = await Promise.all(
      bodies.map((body) => post("/v1/phone-numbers", body, { key: one.key })),
    );
    const refused = answers.filter(({ status }) => status !== 201);
    expect(refused).toHaveLength(2);
    for (const answer of refused) {
      const { details } = await expectError(answer, 403, "limit_reached");
      expect(details).toEqual({ name: "max_numbers", limit: 1, used: 1 });
    }
    expect(await rows("phone_numbers")).toHaveLength(1);
  });

  it("a number that was released, and not yet given back, is none of them", async () => {
    const { key, body, agentId } = await haveImported();
    await set(key, { max_numbers: 1 });
    await haveReturning(key, String(body.phone_number));
    const { body: next } = await prepareImport({ phone_number: "+15005550010" }, key);
    expect((await post("/v1/phone-numbers", { ...next, agent_id: agentId }, { key })).status).toBe(201);
    await expectError(await post("/v1/phone-numbers", body, { key }), 403, "limit_reached");
  });

  it("nor does it become one too many, if it is taken back beside another import", async () => {
    const { key, body, agentId } = await haveImported();
    await set(key, { max_numbers: 1 });
    await haveReturning(key, String(body.phone_number));
    const { body: next } = await prepareImport({ phone_number: "+15005550010" }, key);
    const both = [body, { ...next, agent_id: agentId }];
    const answers = await Promise.all(both.map((wanted) => post("/v1/phone-numbers", wanted, { key })));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 403]);
    const [refused] = answers.filter(({ status }) => status === 403);
    if (refused) await expectError(refused, 403, "limit_reached");
    const states = (await rows<{ state: string }>("phone_numbers")).map(({ state }) => state);
    expect(states.filter((state) => state === "active")).toHaveLength(1);
  });
});

describe("where a key may call", () => {
  it("is no country of a number that was released, and not yet given back", async () => {
    const { key, agentId } = await haveImported({}, { phone_number: LV });
    const { body } = await prepareImport({ phone_number: GB }, key);
    expect((await post("/v1/phone-numbers", { ...body, agent_id: agentId }, { key })).status).toBe(201);
    await haveReturning(key, LV);
    const from = { agent_id: agentId, from_number: GB };
    const refused = await post("/v1/calls", { ...from, to_number: LV }, { key, env: OWN });
    await expectError(refused, 403, "country_not_allowed");
    expect((await post("/v1/calls", { ...from, to_number: DESK }, { key, env: OWN })).status).toBe(201);
  });

  it("is the countries of its own numbers, unless the operator says otherwise", async () => {
    const imported = await haveImported({}, { phone_number: GB });
    for (const send of [place, text]) {
      const { details } = await expectError(await send(imported, LV, OWN), 403, "country_not_allowed");
      expect(details).toEqual({ country: "LV" });
      const premium = await expectError(await send(imported, PREMIUM, OWN), 403, "country_not_allowed");
      expect(premium.details).toEqual({ country: null });
      expect((await send(imported, "+447700900001", OWN)).status).toBe(201);
    }
    await set(imported.key, { allowed_countries: ["LV"] });
    expect((await place(imported, LV, OWN)).status).toBe(201);
    await expectError(await place(imported, "+447700900001", OWN), 403, "country_not_allowed");
    await set(imported.key, { allowed_countries: ["*"] });
    expect((await place(imported, PREMIUM, OWN)).status).toBe(201);
  });

  it("holds for what an agent dials: it is written with a warning, and not dialled", async () => {
    const key = await createKey();
    const dial = { type: "dial", number: LV };
    const fields = { name: "x", connect: dial, fallback: dial, transfer_numbers: [LV, PREMIUM] };
    const response = await post("/v1/agents", fields, { key, env: OWN });
    expect(response.status).toBe(201);
    const { warnings, agent_id } = await response.json<{ warnings: object[]; agent_id: string }>();
    expect(warnings).toMatchObject([
      { code: "country_not_allowed", details: { phone_number: LV, country: "LV" } },
      { code: "country_not_allowed", details: { phone_number: PREMIUM } },
    ]);
    const { account, body } = await prepareImport({ phone_number: GB }, key);
    expect((await post("/v1/phone-numbers", { ...body, agent_id }, { key })).status).toBe(201);
    const [row] = (
      await env.DB.prepare("SELECT id, country FROM phone_numbers").all<{ id: string; country: string }>()
    ).results;
    expect(row?.country).toBe("GB");
    const twiml = await (
      await tell({ id: row?.id ?? "", account }, "voice", { CallSid: "CA1", From: GB }, { env: OWN })
    ).text();
    expect(twiml).not.toContain("<Dial");
    expect(twiml).toContain("not taking calls");
  });

  it("holds for transfers: the model is not offered them", async () => {
    haveModel();
    const imported = await haveImported({ transfer_numbers: [LV, "+447700900001"] }, { phone_number: GB });
    const call = { CallSid: `CA${"7".repeat(32)}`, From: GB, SpeechResult: "A person, please." };
    await tell(imported, "gather", call, {
      env: { ...OWN, MODEL_BASE_URL: "https://model.example/v1", MODEL: "scripted" },
    });
    expect(JSON.stringify(modelRequests()[0]?.tools)).toContain("+447700900001");
    expect(JSON.stringify(modelRequests()[0]?.tools)).not.toContain(LV);
  });

  it("holds for answers to texts", async () => {
    haveModel();
    const { url: webhook_url } = startCustomer();
    const imported = await haveImported({ sms_reply: true, webhook_url }, { phone_number: GB });
    const sms = { MessageSid: `SM${"1".repeat(32)}`, From: "+88216123456", To: GB, Body: "Hello?" };
    await tell(imported, "sms", sms, {
      env: { ...OWN, MODEL_BASE_URL: "https://model.example/v1", MODEL: "scripted" },
    });
    await vi.waitFor(async () => expect(await eventsOf("sms.failed")).toHaveLength(1));
    expect(modelRequests()).toEqual([]);
  });
});

describe("an hour of one key at full rate", () => {
  it.each([
    ["one key", 1, null, 1_000],
    ["ten keys, which whoever likes may make in an hour", 10, { OPEN_SIGNUP: "true" }, 50],
  ])(
    "of %s lets D1 grow by less than 100 MB: agents at full size, and their answers kept",
    async (_, keys, env_, agents) => {
      const key = env_ ? await (await post("/v1/keys", {}, { env: env_ })).json<Key>() : await createKey();
      const PER_HOUR = 120 * 60;
      const SAMPLE = 20;
      expect((await usage(key)).limits.max_agents).toEqual({ used: 0, limit: agents });
      const body = {
        system_prompt: "あ".repeat(16_000),
        welcome_message: "あ".repeat(1_000),
        fallback: { type: "say", text: "あ".repeat(1_000) },
      };
      const size = async () => (await env.DB.prepare("SELECT 1").run()).meta.size_after;
      const create = (index: number) =>
        post(
          "/v1/agents",
          { name: String(index), ...body },
          { key, headers: { "idempotency-key": `${index}`.padStart(255, "k") } },
        );
      // What an agent adds with its answer, while answers are kept.
      let before = await size();
      for (let index = 0; index < SAMPLE; index += 1) expect((await create(index)).status).toBe(201);
      const both = ((await size()) - before) / SAMPLE;
      const keptBytes = async () =>
        (await env.DB.prepare("SELECT kept_bytes FROM api_keys").first<number>("kept_bytes")) ?? 0;
      const kept = (await keptBytes()) / SAMPLE;
      // What it adds when no more are.
      await env.DB.prepare("UPDATE api_keys SET kept_bytes = 32000000").run();
      before = await size();
      for (let index = SAMPLE; index < 2 * SAMPLE; index += 1) expect((await create(index)).status).toBe(201);
      const alone = ((await size()) - before) / SAMPLE;
      // And a refused request, with the answer that is kept of it.
      await env.DB.prepare("UPDATE api_keys SET kept_bytes = 0").run();
      await set(key, { max_agents: 0 });
      before = await size();
      for (let index = 100; index < 100 + SAMPLE; index += 1) expect((await create(index)).status).toBe(403);
      const refused = ((await size()) - before) / SAMPLE;
      const keptRefused = (await keptBytes()) / SAMPLE;
      const room = Math.min(32_000_000, 1_600_000 + 32_000 * agents);
      const answers = Math.min(agents, room / kept);
      const refusals = Math.min(PER_HOUR - agents, (room - answers * kept) / keptRefused);
      const grown = keys * (answers * both + (agents - answers) * alone + refusals * refused);
      expect(grown).toBeGreaterThan(10_000_000);
      expect(grown).toBeLessThan(100_000_000);
    },
  );

  it("lets a number answer 300 texts an hour, whoever sends them", async () => {
    const log = env.CALL_LOG.getByName("replies");
    const none = { calls_per_day: null, texts_per_day: null, model_turns_per_day: null };
    vi.useFakeTimers({ toFake: ["Date"], now: Date.parse("2026-01-31T10:00:00Z") });
    try {
      const take = (from: string) => log.take("nxf_1", "reply", none, from);
      for (let count = 0; count < 300; count += 1) expect((await take(GB)).kind).toBe("taken");
      for (let count = 0; count < 300; count += 1)
        expect(await take(GB)).toEqual({ kind: "crowded", isNews: true });
      expect(await take(GB)).toEqual({ kind: "crowded", isNews: false });
      expect((await take(LV)).kind).toBe("taken");
      vi.setSystemTime(Date.parse("2026-01-31T11:00:00Z"));
      expect((await take(GB)).kind).toBe("taken");
    } finally {
      vi.useRealTimers();
    }
  });
});
