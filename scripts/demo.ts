import { strict as assert } from "node:assert";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createTestHarness } from "wrangler";
import { signEvent, verifyEvent } from "../src/events/signature.ts";
import { serveSimulator } from "../test/twilio-simulator/serve.ts";
import { createSimulator } from "../test/twilio-simulator/simulator.ts";
import { openEcho } from "../test/twilio-simulator/sockets.ts";
import { addAccount, addNumber } from "../test/twilio-simulator/state.ts";
import { buildDocumentation } from "./documentation/build.ts";
import { freshSecrets } from "./fresh-secrets.ts";

// npm run demo: the main job from end to end, on a real workerd with a real D1 and a simulated Twilio. Prints a
// transcript and checks every claim in it; exits 0 only when all hold.

// Nothing here reads where a request came from, so wrangler need not ask Cloudflare for an example of it.
process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";

const PUBLIC_BASE_URL = "https://numbers.example.com";
const NUMBER = "+447446466847";

type Answer = { status: number; body: unknown };

const say = (text = "") => console.log(text);
const title = (text: string) => say(`\n\x1b[1m${text}\x1b[0m`);
const show = (value: unknown) => say(JSON.stringify(value, shorten, 2).replace(/^/gm, "   "));
const shorten = (_: string, value: unknown) =>
  typeof value === "string" && value.startsWith("v1.") ? `${value.slice(0, 60)}…` : value;

let checks = 0;
function check(claim: string, holds: boolean): void {
  assert.ok(holds, `does not hold: ${claim}`);
  checks += 1;
  say(`   ✓ ${claim}`);
}

// The telephone network of the simulator reaches the Worker by its public name, wherever it really listens.
// The customer's runtime is a small one that repeats what it hears.
const simulator = createSimulator((request) => {
  const { pathname } = new URL(request.url);
  return fetch(new Request(new URL(pathname, workerUrl), request));
}, openEcho);
const account = addAccount(simulator.state);
const number = addNumber(simulator.state, account, {
  sid: "PN451e0ddf654327e36baab58dfbcd30d6",
  phone_number: NUMBER,
  voice_url: "https://old-system.example/voice?key=owners-secret",
  sms_url: "https://old-system.example/sms",
  trunk_sid: `TK${"7".repeat(32)}`,
});
const twilio = await serveSimulator(simulator);

// A customer's own server: takes events in, and believes only those that are signed with its secret.
const customer = { secret: "", events: [] as Record<string, unknown>[], refused: 0 };
const customerServer = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks).toString();
  const signature = String(request.headers["x-nixflex-signature"]);
  const isGenuine = await verifyEvent(customer.secret, body, signature, new Date());
  if (isGenuine) customer.events.push(JSON.parse(body));
  else customer.refused += 1;
  response.writeHead(isGenuine ? 204 : 401).end();
});
await new Promise<void>((resolve) => customerServer.listen(0, "127.0.0.1", resolve));
const customerUrl = `http://127.0.0.1:${(customerServer.address() as AddressInfo).port}/events`;

const PATIENCE_MS = 15_000;

/** Waits until something is so that queues bring about. */
async function becomes(isSo: () => boolean): Promise<boolean> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!isSo() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50));
  return isSo();
}

/** Waits until the customer has been told all of these. */
function told(...wanted: string[]): Promise<boolean> {
  return becomes(() => wanted.every((type) => customer.events.some(({ event }) => event === type)));
}

buildDocumentation();
const secrets = freshSecrets();
const server = createTestHarness({
  workers: [
    {
      configPath: "wrangler.toml",
      vars: {
        PUBLIC_BASE_URL,
        TWILIO_API_BASE_URL: twilio.url,
        TWILIO_TIMEOUT_MS: "8000",
        OPEN_SIGNUP: "false",
        ALLOW_LOCAL_WEBHOOKS: "true",
      },
      secrets,
    },
  ],
});
let workerUrl = "";

async function post(path: string, authorization: string, body: unknown): Promise<Answer> {
  const response = await fetch(new URL(path, workerUrl), {
    method: "POST",
    headers: { authorization: `Bearer ${authorization}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}

async function remove(path: string, authorization: string): Promise<Answer> {
  const headers = { authorization: `Bearer ${authorization}` };
  const response = await fetch(new URL(path, workerUrl), { method: "DELETE", headers });
  return { status: response.status, body: await response.json() };
}

const codeOf = ({ body }: Answer) => (body as { error?: { code?: string } }).error?.code;

function webhooks() {
  const { voice_url, sms_url, status_callback, trunk_sid } =
    simulator.state.numbers.get(number.sid) ?? number;
  return { voice_url, sms_url, status_callback, trunk_sid };
}

async function demonstrate(): Promise<void> {
  const worker = server.getWorker<Env>();
  await worker.applyD1Migrations("DB");
  const { DB } = await worker.getEnv();

  title("1. An API key, its webhook secret, and an agent");
  const key = (await post("/v1/keys", secrets.ADMIN_TOKEN, { name: "demo" })).body as Record<string, string>;
  const authorization = `${key.key_id}:${key.key_secret}`;
  const secret = (await post("/v1/webhooks/secret", authorization, {})).body as Record<string, string>;
  customer.secret = secret.webhook_secret ?? "";
  const agent = (await post("/v1/agents", authorization, {
    name: "Receptionist",
    welcome_message: "Hello, you have reached Acme Dental. How can I help?",
    connect: { type: "conversation_relay", url: "wss://runtime.example/relay" },
    fallback: { type: "say", text: "Our assistant cannot be reached. Please call again." },
    webhook_url: customerUrl,
  })) as { status: number; body: Record<string, string> };
  check(`key ${key.key_id}`, /^nxf_[0-9a-f]{32}$/.test(key.key_id ?? ""));
  check(`agent ${agent.body.agent_id}`, agent.status === 201);

  title("2. The number at Twilio before: a SIP trunk takes its calls");
  const before = webhooks();
  show(before);
  check("a call does not reach us", (await simulator.ring(NUMBER)).answeredBy === "trunk");

  title("3. ONE call imports it");
  const request = {
    phone_number: NUMBER,
    twilio_sid: account.sid,
    twilio_token: account.authToken,
    agent_id: agent.body.agent_id,
  };
  say(`   POST /v1/phone-numbers`);
  show({ ...request, twilio_token: "(the account's Auth Token)" });
  const imported = await post("/v1/phone-numbers", authorization, request);
  say(`   ${imported.status}`);
  show(imported.body);
  check("201 Created", imported.status === 201);
  assert.deepEqual(imported.body, {
    phone_number: {
      phone_number: NUMBER,
      agent_id: agent.body.agent_id,
      twilio_number_sid: number.sid,
      inbound_enabled: true,
      outbound_enabled: true,
    },
  });
  const calls = simulator.state.requests.map(({ operation }) => operation);
  check(`Twilio was asked twice: ${calls.join(", ")}`, calls.join() === "list,update");

  title("4. The number at Twilio after: everything points here");
  const after = webhooks();
  show(after);
  check(
    "voice, SMS and status callback are ours",
    urls(after).every((url) => url?.startsWith(PUBLIC_BASE_URL)),
  );
  check("the trunk no longer takes its calls", after.trunk_sid === null);
  const call = await simulator.ring(NUMBER);
  const answer = call.exchanges[0]?.body ?? "";
  say(`   ${answer}`);
  check(
    "a call is handed to the agent's runtime",
    call.answeredBy === "webhook" && answer.includes('<ConversationRelay url="wss://runtime.example/relay"'),
  );
  check("a text is taken in", (await simulator.text(NUMBER)).answeredBy === "webhook");

  title("5. The stored rows: the token and the old webhooks are sealed");
  const row = await DB.prepare("SELECT * FROM phone_numbers").first();
  const stored = await DB.prepare("SELECT * FROM twilio_accounts").first();
  show(row);
  show(stored);
  const everything = JSON.stringify([row, stored, await DB.prepare("SELECT * FROM api_keys").first()]);
  check("the row is active", row?.state === "active");
  check("the token is sealed", String(stored?.auth_token_sealed).startsWith("v1."));
  const plain = [
    customer.secret,
    account.authToken,
    "owners-secret",
    key.key_secret ?? "",
    secrets.ADMIN_TOKEN,
  ];
  check(
    "no secret is stored in the clear",
    plain.every((secret) => !everything.includes(secret)),
  );

  title("6. What the customer is told");
  await simulator.text(NUMBER, { body: "Are you open today?" });
  const wanted = ["number.imported", "call.started", "call.completed", "sms.received"];
  check(`events arrive, signed: ${wanted.join(", ")}`, await told(...wanted));
  show(customer.events.findLast(({ event }) => event === "sms.received"));
  check("not one was badly signed", customer.refused === 0);
  const ids = customer.events.map(({ event_id }) => event_id);
  check("not one came twice", new Set(ids).size === ids.length);
  const forgedEvent = await fetch(customerUrl, {
    method: "POST",
    headers: { "x-nixflex-signature": await signEvent(["nxws_guessed"], "{}", new Date()) },
    body: "{}",
  });
  check("the receiver refuses an event of somebody else's", forgedEvent.status === 401);

  title("7. A runtime that cannot be reached, and a call that is forged");
  const unreached = await simulator.ring(NUMBER, { isReachable: false });
  say(`   ${unreached.documents.at(-1)}`);
  check(
    "the caller hears the agent's fallback",
    unreached.conversation.at(-1)?.text.includes("cannot be reached") === true,
  );
  const forgedCall = await fetch(new URL(new URL(after.voice_url ?? "").pathname, workerUrl), {
    method: "POST",
    headers: {
      "content-type": "application/x-www-form-urlencoded",
      "x-twilio-signature": Buffer.alloc(20).toString("base64"),
    },
    body: new URLSearchParams({ AccountSid: account.sid, CallSid: "CA1", From: "+15005550006" }),
  });
  check("a forged call is refused: 403", forgedCall.status === 403);

  title("8. What is refused, and changes nothing");
  const settled = JSON.stringify(webhooks());
  const otherKey = (await post("/v1/keys", secrets.ADMIN_TOKEN, { name: "another tenant" }))
    .body as typeof key;
  const other = `${otherKey.key_id}:${otherKey.key_secret}`;
  const refusals: [string, number, string, Answer][] = [
    [
      "the same number again",
      409,
      "number_already_imported",
      await post("/v1/phone-numbers", authorization, request),
    ],
    [
      "a wrong token",
      401,
      "twilio_auth_failed",
      await post("/v1/phone-numbers", authorization, { ...request, twilio_token: "0".repeat(32) }),
    ],
    ["another key's agent", 403, "agent_not_owned", await post("/v1/phone-numbers", other, request)],
  ];
  for (const [what, status, code, answer] of refusals) {
    check(`${what}: ${answer.status} ${codeOf(answer)}`, answer.status === status && codeOf(answer) === code);
  }
  check("the number is as it was", JSON.stringify(webhooks()) === settled);
  title("9. Somebody edits the number at Twilio; the cron finds and mends it");
  const edited = simulator.state.numbers.get(number.sid) ?? number;
  edited.voice_url = "https://somebody-else.example/voice";
  edited.trunk_sid = `TK${"8".repeat(32)}`;
  show(webhooks());
  check("a call does not reach us any more", (await simulator.ring(NUMBER)).answeredBy === "trunk");
  // An account is due an hour after it was imported; the demo does not wait for that.
  await DB.prepare("UPDATE twilio_accounts SET next_check_at = '2020-01-01T00:00:00.000Z'").run();
  await worker.scheduled({ cron: "*/15 * * * *", scheduledTime: new Date() });
  check("it is mended", await becomes(() => JSON.stringify(webhooks()) === settled));
  check("the customer is told", await told("number.repaired"));
  show(customer.events.findLast(({ event }) => event === "number.repaired"));

  title("10. Leaving: the number gets back what it had");
  const released = await remove(`/v1/phone-numbers/${encodeURIComponent(NUMBER)}`, authorization);
  show(released.body);
  show(webhooks());
  check("everything is as it was before the import", JSON.stringify(webhooks()) === JSON.stringify(before));
  check(
    "the row is gone, and the token with it",
    (await DB.prepare("SELECT * FROM twilio_accounts").first()) === null,
  );

  const logs = JSON.stringify(server.getLogs());
  check(
    "no secret is in the logs",
    logs.includes("request_id") && plain.every((secret) => !logs.includes(secret)),
  );
}

const urls = ({ voice_url, sms_url, status_callback }: ReturnType<typeof webhooks>) => [
  voice_url,
  sms_url,
  status_callback,
];

try {
  workerUrl = (await server.listen()).url.href;
  await demonstrate();
  say(`\n\x1b[32mAll ${checks} checks hold.\x1b[0m`);
} catch (error) {
  console.error(error);
  server.debug();
  process.exitCode = 1;
} finally {
  await server.close();
  await twilio.close();
  customerServer.close();
}
