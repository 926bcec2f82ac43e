import { strict as assert } from "node:assert";
import { signEvent } from "../src/events/signature.ts";
import { becomes } from "./demo/becomes.ts";
import { converse } from "./demo/conversations.ts";
import { play } from "./demo/play.ts";
import { check, say, scene, show } from "./demo/transcript.ts";
import { PUBLIC_BASE_URL } from "./demo/worker.ts";

// npm run demo: the main job from end to end, on a real workerd with a real D1 and a simulated Twilio. Prints a
// transcript and checks every claim in it; exits 0 only when all hold. A new scene is a call of `scene` and what
// happens in it.

const NUMBER = "+447446466847";

await play(async ({ worker, twilio, customer }) => {
  const { database } = worker;
  const account = twilio.addAccount();
  const { sid } = twilio.addNumber(account, {
    sid: "PN451e0ddf654327e36baab58dfbcd30d6",
    phone_number: NUMBER,
    voice_url: "https://old-system.example/voice?key=owners-secret",
    sms_url: "https://old-system.example/sms",
    trunk_sid: `TK${"7".repeat(32)}`,
  });

  scene("An API key, its webhook secret, and an agent");
  const admin = worker.clientOf(worker.adminToken);
  const key = (await admin.post("/v1/keys", { name: "demo" })).body;
  const tenant = worker.clientOf(`${key.key_id}:${key.key_secret}`);
  customer.secret = (await tenant.post("/v1/webhooks/secret", {})).body.webhook_secret ?? "";
  const agent = await tenant.post("/v1/agents", {
    name: "Receptionist",
    welcome_message: "Hello, you have reached Acme Dental. How can I help?",
    connect: { type: "conversation_relay", url: "wss://runtime.example/relay" },
    fallback: { type: "say", text: "Our assistant cannot be reached. Please call again." },
    webhook_url: customer.url,
  });
  check(`key ${key.key_id}`, /^nxf_[0-9a-f]{32}$/.test(key.key_id ?? ""));
  check(`agent ${agent.body.agent_id}`, agent.status === 201);

  scene("The number at Twilio before: a SIP trunk takes its calls");
  const before = twilio.webhooks(sid);
  show(before);
  check("a call does not reach us", (await twilio.ring(NUMBER)).answeredBy === "trunk");

  scene("ONE call imports it");
  const { agent_id } = agent.body;
  const request = {
    phone_number: NUMBER,
    twilio_sid: account.sid,
    twilio_token: account.authToken,
    agent_id,
  };
  say("POST /v1/phone-numbers");
  show({ ...request, twilio_token: "(the account's Auth Token)" });
  const imported = await tenant.post("/v1/phone-numbers", request);
  say(String(imported.status));
  show(imported.body);
  check("201 Created", imported.status === 201);
  assert.deepEqual(imported.body, {
    phone_number: {
      phone_number: NUMBER,
      agent_id,
      twilio_number_sid: sid,
      inbound_enabled: true,
      outbound_enabled: true,
    },
  });
  const operations = twilio.operations();
  check(
    `Twilio was asked in two trips: ${operations.join(", ")}`,
    operations.slice(0, 2).sort().join() === "list,routing" && operations[2] === "update",
  );

  scene("The number at Twilio after: everything points here");
  const after = twilio.webhooks(sid);
  show(after);
  const { trunk_sid, ...urls } = after;
  check(
    "voice, SMS and status callback are ours",
    Object.values(urls).every((url) => url?.startsWith(PUBLIC_BASE_URL)),
  );
  check("the trunk no longer takes its calls", trunk_sid === null);
  const call = await twilio.ring(NUMBER);
  const twiml = call.exchanges[0]?.body ?? "";
  say(twiml);
  check(
    "a call is handed to the agent's runtime",
    call.answeredBy === "webhook" && twiml.includes('<ConversationRelay url="wss://runtime.example/relay"'),
  );
  check("a text is taken in", (await twilio.text(NUMBER)).answeredBy === "webhook");

  scene("The stored rows: the token and the old webhooks are sealed");
  const row = await database.prepare("SELECT * FROM phone_numbers").first();
  const stored = await database.prepare("SELECT * FROM twilio_accounts").first();
  show(row);
  show(stored);
  check("the row is active", row?.state === "active");
  check("the token is sealed", String(stored?.auth_token_sealed).startsWith("v1."));
  const storedKey = await database.prepare("SELECT * FROM api_keys").first();
  const secrets = [
    customer.secret,
    account.authToken,
    "owners-secret",
    key.key_secret ?? "",
    worker.adminToken,
  ];
  const holdsNone = (text: string) => secrets.every((secret) => !text.includes(secret));
  check("no secret is stored in the clear", holdsNone(JSON.stringify([row, stored, storedKey])));

  scene("What the customer is told");
  const question = "Are you open today?";
  await twilio.text(NUMBER, { body: question });
  const wanted = ["number.imported", "call.started", "call.completed", "sms.received"];
  check(`events arrive, signed: ${wanted.join(", ")}`, await customer.told(...wanted));
  await becomes(() => customer.last("sms.received")?.text === question);
  show(customer.last("sms.received"));
  check("not one was badly signed", customer.refused === 0);
  const ids = customer.events.map(({ event_id }) => event_id);
  check("not one came twice", new Set(ids).size === ids.length);
  const forgedEvent = await fetch(customer.url, {
    method: "POST",
    headers: { "x-nixflex-signature": await signEvent(["nxws_guessed"], "{}", new Date()) },
    body: "{}",
  });
  check("the receiver refuses an event of somebody else's", forgedEvent.status === 401);

  scene("A runtime that cannot be reached, and a call that is forged");
  const unreached = await twilio.ring(NUMBER, { isReachable: false });
  say(String(unreached.documents.at(-1)));
  check(
    "the caller hears the agent's fallback",
    unreached.conversation.at(-1)?.text.includes("cannot be reached") === true,
  );
  const forgedCall = await fetch(new URL(new URL(after.voice_url ?? "").pathname, worker.url), {
    method: "POST",
    headers: { "x-twilio-signature": Buffer.alloc(20).toString("base64") },
    body: new URLSearchParams({ AccountSid: account.sid, CallSid: "CA1", From: "+15005550006" }),
  });
  check("a forged call is refused: 403", forgedCall.status === 403);

  scene("What is refused, and changes nothing");
  const settled = JSON.stringify(after);
  const otherKey = (await admin.post("/v1/keys", { name: "another tenant" })).body;
  const otherTenant = worker.clientOf(`${otherKey.key_id}:${otherKey.key_secret}`);
  const refused = async (what: string, by: typeof tenant, body: object, status: number, code: string) => {
    const answer = await by.post<{ error?: { code: string } }>("/v1/phone-numbers", body);
    const said = answer.body.error?.code;
    check(`${what}: ${answer.status} ${said}`, answer.status === status && said === code);
  };
  const wrongToken = { ...request, twilio_token: "0".repeat(32) };
  await refused("the same number again", tenant, request, 409, "number_already_imported");
  await refused("a wrong token", tenant, wrongToken, 401, "twilio_auth_failed");
  await refused("another key's agent", otherTenant, request, 403, "agent_not_owned");
  check("the number is as it was", JSON.stringify(twilio.webhooks(sid)) === settled);

  scene("Somebody edits the number at Twilio; the cron finds and mends it");
  twilio.edit(sid, { voice_url: "https://somebody-else.example/voice", trunk_sid: `TK${"8".repeat(32)}` });
  show(twilio.webhooks(sid));
  check("a call does not reach us any more", (await twilio.ring(NUMBER)).answeredBy === "trunk");
  // An account is due an hour after it was imported; the demo does not wait for that.
  await database.prepare("UPDATE twilio_accounts SET next_check_at = '2020-01-01T00:00:00.000Z'").run();
  await worker.runCron("*/15 * * * *");
  check("it is mended", await becomes(() => JSON.stringify(twilio.webhooks(sid)) === settled));
  check("the customer is told", await customer.told("number.repaired"));
  show(customer.last("number.repaired"));

  scene("A number whose calls are handled in Ireland, imported without a word about Regions");
  const IRISH = "+35315550003";
  const irish = twilio.addIrishNumber(account, IRISH);
  await refused(
    "with the token of US1",
    tenant,
    { ...request, phone_number: IRISH },
    422,
    "number_in_other_region",
  );
  const irishRequest = { ...request, phone_number: IRISH, twilio_token: irish.authToken };
  check("with that of IE1: 201", (await tenant.post("/v1/phone-numbers", irishRequest)).status === 201);
  check("a call there reaches us", (await twilio.ring(IRISH)).answeredBy === "webhook");
  const irishPath = `/v1/phone-numbers/${encodeURIComponent(IRISH)}`;
  const checked = await tenant.post<{ phone_number: { region: string; health: string } }>(
    `${irishPath}/check`,
    {},
  );
  const { region, health } = checked.body.phone_number;
  check(`its Region is ${region}, its health ${health}`, region === "ie1" && health === "ok");
  await tenant.delete(irishPath);

  await converse({ twilio, customer, tenant }, account);

  scene("Leaving: the number gets back what it had");
  show((await tenant.delete(`/v1/phone-numbers/${encodeURIComponent(NUMBER)}`)).body);
  const left = twilio.webhooks(sid);
  show(left);
  check("everything is as it was before the import", JSON.stringify(left) === JSON.stringify(before));
  const remaining = await database.prepare("SELECT * FROM twilio_accounts").first();
  check("the row is gone, and the token with it", remaining === null);

  const logs = worker.logs();
  check("no secret is in the logs", logs.includes("request_id") && holdsNone(logs));
});
