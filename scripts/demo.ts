import { strict as assert } from "node:assert";
import { createTestHarness } from "wrangler";
import { serveSimulator } from "../test/twilio-simulator/serve.ts";
import { createSimulator } from "../test/twilio-simulator/simulator.ts";
import { addAccount, addNumber } from "../test/twilio-simulator/state.ts";
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
const simulator = createSimulator((request) => {
  const { pathname } = new URL(request.url);
  return fetch(new Request(new URL(pathname, workerUrl), request));
});
const account = addAccount(simulator.state);
const number = addNumber(simulator.state, account, {
  sid: "PN451e0ddf654327e36baab58dfbcd30d6",
  phone_number: NUMBER,
  voice_url: "https://old-system.example/voice?key=owners-secret",
  sms_url: "https://old-system.example/sms",
  trunk_sid: `TK${"7".repeat(32)}`,
});
const twilio = await serveSimulator(simulator);

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

  title("1. An API key and an agent");
  const key = (await post("/v1/keys", secrets.ADMIN_TOKEN, { name: "demo" })).body as Record<string, string>;
  const authorization = `${key.key_id}:${key.key_secret}`;
  const agent = (await post("/v1/agents", authorization, {
    name: "Receptionist",
    welcome_message: "Hello, you have reached Acme Dental. How can I help?",
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
  say(`   ${call.twiml}`);
  check(
    "a call reaches the agent",
    call.answeredBy === "webhook" && call.twiml?.includes("Acme Dental") === true,
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
  const plain = [account.authToken, "owners-secret", key.key_secret ?? "", secrets.ADMIN_TOKEN];
  check(
    "no secret is stored in the clear",
    plain.every((secret) => !everything.includes(secret)),
  );

  title("6. What is refused, and changes nothing");
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
}
