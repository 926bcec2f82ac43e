import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type Answer, type Asked, startApiDouble } from "./api-double.ts";
import { createPerson, type Person } from "./run.ts";

// What the program does with answers that the Worker gives when something breaks, or never gives: against a server that
// answers as it is told.

const AGENT = "agent_125207e452f8714a";
const ACCOUNT = `AC${"0".repeat(32)}`;
const IMPORT = "imp_5f2c9a7e5f2c9a7e";
const PATH = `/v1/phone-number-imports/${IMPORT}`;
const RESULTS = "phone_number,outcome\r\n+15005550006,imported\r\n";
const CREATED: Answer = { status: 202, json: { import_id: IMPORT, status: "queued", total: 2 } };

let double: Awaited<ReturnType<typeof startApiDouble>>;
let person: Person;

afterEach(() => double.close());

async function have(answer: (asked: Asked) => Answer) {
  double = await startApiDouble(answer);
  person = createPerson();
  Object.assign(person.env, {
    NIXFLEX_API_KEY: "nxf_1:nxfs_2",
    NIXFLEX_BASE_URL: double.url,
    TWILIO_ACCOUNT_SID: ACCOUNT,
    TWILIO_AUTH_TOKEN: "the token",
  });
}

const status = (state: string, counts: Record<string, number>, account_errors: unknown[] = []): Answer => ({
  json: {
    import_id: IMPORT,
    status: state,
    total: 2,
    counts,
    account_errors,
    ended_at: "2026-01-31T12:00:00.000Z",
  },
});
const COMPLETED = status("completed", { imported: 2, failed: 0, waiting: 0 });

/** Answers in this order, each once and the last for good, by method and path. */
function inOrder(script: Record<string, Answer[]>) {
  return ({ method, path }: Asked): Answer => {
    const answers = script[`${method} ${path}`] ?? [];
    const next = answers.length > 1 ? answers.shift() : answers[0];
    return next ?? { status: 404, json: { error: { code: "not_found", message: `no ${method} ${path}` } } };
  };
}

const bulkScript = (states: Answer[], begin: Answer[] = [CREATED]) =>
  inOrder({
    "POST /v1/phone-number-imports": begin,
    [`POST ${PATH}/retry`]: [CREATED],
    [`GET ${PATH}`]: states,
    [`GET ${PATH}/results.csv`]: [{ text: RESULTS, headers: { "content-type": "text/csv" } }],
  });

const bulk = (...args: string[]) => person.run(["bulk", ...args]);
const imports = (...args: string[]) => person.run(["imports", ...args]);
const file = (name: string) => join(person.home, name);

function haveFile(text: string): string {
  writeFileSync(file("numbers.csv"), text);
  return "numbers.csv";
}

describe("bulk", () => {
  it("goes on after lost answers, and begins once", async () => {
    const busy: Answer = {
      status: 503,
      json: { error: { code: "storage_unavailable", message: "Later." } },
      headers: { "retry-after": "0" },
    };
    await have(bulkScript(["hang up", busy, COMPLETED], ["hang up", CREATED]));
    const run = await bulk("--all", "--agent", AGENT, "--dry-run", "--out", "plan.csv");
    expect(run).toMatchObject({ code: 0, out: expect.stringContaining("plan.csv") });
    expect(existsSync(file("plan.csv"))).toBe(true);
    const begun = double.requests.filter(({ method }) => method === "POST");
    expect(begun.map(({ body }) => body)).toEqual(
      Array(2).fill(expect.objectContaining({ all: true, dry_run: true })),
    );
    const keys = begun.map(({ headers }) => headers["idempotency-key"]);
    expect(keys).toEqual(Array(2).fill(expect.stringMatching(/^[0-9a-f-]{36}$/)));
    expect(new Set(keys).size).toBe(1);
  });

  it("says what needs attention, and how to go on", async () => {
    const error = { code: "twilio_auth_failed", message: "Twilio refused." };
    const account_errors = [{ twilio_sid: "AC1", error }];
    await have(bulkScript([status("completed", { imported: 1, failed: 1, waiting: 0 }, account_errors)]));
    const run = await imports("resume", IMPORT);
    expect(run).toMatchObject({ code: 5, out: "completed: imported 1, failed 1. Results: results.csv\n" });
    expect(run.err).toContain("AC1: Twilio refused. (twilio_auth_failed)\n");
    expect(run.err).toContain(`nixflex-numbers imports retry ${IMPORT}`);
    expect(JSON.parse((await imports("retry", IMPORT, "--json")).out)).toMatchObject({
      counts: { failed: 1 },
    });
    expect(double.requests.find(({ path }) => path.endsWith("/retry"))?.body).toEqual({
      twilio_token: "the token",
    });
  });

  it.each([
    ["a misspelled column", "phone_number,agent\n+1,a\n", 'column "agent"'],
    ["a column of tokens", "phone_number,twilio_token\n+1,a\n", "does not belong"],
    ["no column of numbers", "agent_id\na\n", "no column phone_number"],
    ["a row without its number", "phone_number,agent_id\n+1,a\n,b\n", "row 3"],
    ["no numbers", "phone_number\n", "no numbers"],
    ["a row that is longer than its head", "phone_number\n+1,a\n", "not CSV"],
    ["too many numbers", `phone_number\n${"+1\n".repeat(5_001)}`, "5001 numbers"],
  ])("takes no file with %s, and asks nothing", async (_, text, why) => {
    await have(bulkScript([COMPLETED]));
    expect(await bulk(haveFile(text))).toMatchObject({ code: 2, err: expect.stringContaining(why) });
    expect(double.requests).toEqual([]);
  });
});

describe("accounts connect", () => {
  it("sends an API key and a SharedKey, asks for their secrets only, and prints what is left to do", async () => {
    const to_do = [{ step: "rule", request: "curl https://webhooks.twilio.com/…" }];
    const shown = { twilio_sid: ACCOUNT, friendly_name: null, status: "connecting", to_do };
    await have(() => ({ json: { twilio_account: shown } }));
    const connect = ["accounts", "connect", ACCOUNT];
    const byKey = [...connect, "--api-key", "SK1"];
    expect(await person.run(byKey)).toMatchObject({
      code: 2,
      err: expect.stringContaining("TWILIO_API_KEY_SECRET"),
    });
    const { code, out } = await person.run([...byKey, "--token-stdin"], "one secret\n");
    expect([code, out]).toEqual([0, expect.stringContaining("is connecting.\n\nrule:\n  curl https")]);
    person.env.WEBHOOK_SIGNING_KEY = "another secret";
    await person.run([...connect, "--signing-key", "k1"]);
    expect(double.requests.map(({ body }) => body)).toEqual([
      { twilio_sid: ACCOUNT, twilio_api_key_sid: "SK1", twilio_api_key_secret: "one secret" },
      { twilio_sid: ACCOUNT, webhook_signing_key_id: "k1", webhook_signing_key: "another secret" },
    ]);
    expect(out).not.toContain("secret");
  });
});

it("calls show what was said, and give their recording to their owner alone", async () => {
  const call = { call_id: "CA1", direction: "inbound", from: "+1", to: "+44", status: "completed" };
  const transcript = [
    { role: "agent", text: "Hello.", at: "2026-01-31T12:00:01.000Z", interrupted: true },
    { role: "caller", text: "Are you\u001b[2J open?", at: null },
  ];
  const log = { ...call, summary: null, data: { topic: "hours" }, transcript };
  await have(
    inOrder({
      "GET /v1/calls/CA1": [{ json: log }],
      "GET /v1/calls/CA1/recording": [{ text: "sound", headers: { "content-type": "audio/mpeg" } }],
      "DELETE /v1/calls/CA1": [{ json: { call_id: "CA1", deleted: true } }],
    }),
  );
  const { out } = await person.run(["calls", "show", "CA1"]);
  expect(out).toMatch(/^data.topic +hours$/m);
  expect(out).toContain("\n\n12:00:01  agent  Hello. (interrupted)\ncaller  Are you [2J open?\n");
  expect(await person.json(["calls", "show", "CA1"])).toEqual(log);
  await person.run(["calls", "recording", "CA1"]);
  expect(readFileSync(file("call.mp3"), "utf8")).toBe("sound");
  expect(statSync(file("call.mp3")).mode & 0o777).toBe(0o600);
  expect((await person.run(["calls", "delete", "CA1", "--yes"])).out).toBe("CA1 is deleted.\n");
});

it("a tried agent ends the call, or puts the caller through, and remembers what was said", async () => {
  const answers: Answer[] = [
    { json: { role: "agent", text: "One moment.", action: { type: "transfer", number: "+441632960123" } } },
    { json: { role: "agent", text: "", action: { type: "end" } } },
  ];
  await have(inOrder({ [`POST /v1/agents/${AGENT}/try`]: answers }));
  const { out } = await person.run(["agents", "try", AGENT], "A person, please.\nThanks.\n");
  expect(out).toBe(
    "One moment.\n(The agent puts the caller through to +441632960123.)\n(The agent ends the call.)\n",
  );
  expect(double.requests.at(-1)?.body).toEqual({
    messages: [
      { role: "caller", text: "A person, please." },
      { role: "agent", text: "One moment." },
      { role: "caller", text: "Thanks." },
    ],
  });
});

describe("call and text", () => {
  const called = { call_id: "CA1", status: "initiated", to: "+1", from: "+44", agent_id: AGENT };
  const texted = { message_id: "SM1", status: "queued", to: "+1", from: "+44" };
  const answers = inOrder({
    "POST /v1/calls/outbound": [{ status: 201, json: called }],
    "POST /v1/sms": [{ status: 201, json: texted }],
  });

  it("send what they are told", async () => {
    await have(answers);
    const call = [
      "call",
      "+1",
      "--agent",
      AGENT,
      "--from",
      "+44",
      "--prompt",
      "Be brief.",
      "--var",
      "name=Ada",
      "--var",
      "at=a=b",
    ];
    expect(await person.run(call)).toMatchObject({ code: 0, out: "+44 calls +1: CA1\n" });
    expect(await person.json(["text", "+1", "-", "--agent", AGENT], "Your table\nis ready.\n")).toEqual(
      texted,
    );
    expect(double.requests.map(({ body }) => body)).toEqual([
      {
        agent_id: AGENT,
        to_number: "+1",
        from_number: "+44",
        prompt: "Be brief.",
        dynamic_vars: { name: "Ada", at: "a=b" },
      },
      { agent_id: AGENT, to: "+1", message: "Your table\nis ready." },
    ]);
    expect(await person.run(["call", "+1", "--agent", AGENT, "--var", "name"])).toMatchObject({ code: 2 });
  });

  it.each<[string, Answer, number]>([
    ["no answer comes", "hang up", 3],
    [
      "the API does not know",
      {
        status: 502,
        json: {
          error: {
            code: "outbound_failed",
            message: "?",
            doc_url: "https://x",
            details: { outcome: "unknown" },
          },
        },
      },
      1,
    ],
  ])("say how not to send twice if %s", async (_, answer, code) => {
    await have(() => answer);
    const text = ["text", "+1", "Hello", "--agent", AGENT];
    const run = await person.run(text);
    expect(run).toMatchObject({ code, out: "" });
    const [, key = ""] = run.err.match(/--idempotency-key (\S+)/) ?? [];
    await person.run([...text, "--idempotency-key", key]);
    expect(double.requests.map(({ headers }) => headers["idempotency-key"])).toEqual([key, key]);
  });

  it("say nothing of it if the API refused", async () => {
    await have(() => ({
      status: 403,
      json: { error: { code: "outbound_disabled", message: "No.", doc_url: "https://x", details: {} } },
    }));
    const { code, err } = await person.run(["call", "+1", "--agent", AGENT]);
    expect({ code, err }).toEqual({
      code: 1,
      err: "Error: No.\n  code     outbound_disabled\n  help     https://x\n",
    });
  });
});

it("a redirect is not followed", async () => {
  await have(() => ({ status: 307, text: "", headers: { location: "http://127.0.0.1:9/" } }));
  const run = await person.run(["import", "+1", "--agent", AGENT]);
  expect(run).toMatchObject({ code: 3, err: expect.stringContaining("307") });
  expect(double.requests).toHaveLength(1);
});

it("a list is read to its end, page by page", async () => {
  await have(({ path }) => {
    const { limit, offset = 0 } = Object.fromEntries(new URL(path, double.url).searchParams);
    const length = Math.min(Number(limit), 250 - Number(offset));
    const agents = Array.from({ length }, (_, index) => ({ agent_id: `agent_${Number(offset) + index}` }));
    return { json: { agents, count: 250, limit: Number(limit), offset: Number(offset) } };
  });
  const idsOf = ({ agents }: { agents: { agent_id: string }[] }) => agents.map(({ agent_id }) => agent_id);
  const all = Array.from({ length: 250 }, (_, index) => `agent_${index}`);
  expect(idsOf(await person.json(["agents", "list"]))).toEqual(all);
  expect(idsOf(await person.json(["agents", "list", "--limit", "120"]))).toEqual(all.slice(0, 120));
});

it("what others wrote cannot steer the terminal", async () => {
  await have(() => ({
    json: { agents: [{ agent_id: AGENT, name: "\u001b[2J\u009b31m", is_active: true }], count: 1 },
  }));
  const { out } = await person.run(["agents", "list"]);
  expect(out).toContain(AGENT);
  for (const control of ["\u001b", "\u009b"]) expect(out).not.toContain(control);
});
