import type { LocalTwilio } from "./twilio.ts";
import { API_KEY, NUMBER, OTHER_NUMBER } from "./twilio.ts";

const DEADLINE_MS = 120_000;
const POLL_MS = 100;

type Key = { key_id: string; key_secret: string };

/**
 * Waits until the Worker answers, creates an API key and an agent, and imports a number. Then prints what a newcomer
 * needs: the key, the number, the addresses, and what to send.
 *
 * @param worker its address
 * @throws Error if the Worker does not start or refuses something
 */
export async function makeReady(worker: string, adminToken: string, twilio: LocalTwilio): Promise<void> {
  await untilHealthy(worker);
  const { key_id, key_secret } = await post<Key>(
    worker,
    "/v1/keys",
    // Whom a newcomer calls in a simulation costs nobody anything.
    { name: "local", limits: { allowed_countries: ["*"] } },
    adminToken,
  );
  const key = `${key_id}:${key_secret}`;
  const { agent_id } = await post<{ agent_id: string }>(worker, "/v1/agents", AGENT, key);
  const { sid: twilio_sid, authToken: twilio_token } = twilio.account;
  const number = { phone_number: NUMBER, twilio_sid, twilio_token, agent_id };
  await post(worker, "/v1/phone-numbers", number, key);
  const { status } = await fetch(`${worker}/console`);
  const json = '-H "Content-Type: application/json" -d';
  const withKey = `-H "Authorization: Bearer ${key}"`;
  const link = JSON.stringify({ agent_id, brand_name: "Acme" });
  const other = JSON.stringify({ ...number, phone_number: OTHER_NUMBER });
  console.log(`
Ready. All of this is simulated, and gone when you press Ctrl-C.

  key      ${key}
  number   ${NUMBER}, answered by ${agent_id}
  API      ${worker}/v1
  docs     ${worker}/docs
${status === 200 ? `  console  ${worker}/console\n` : ""}  MCP      ${worker}/mcp
  Twilio   ${twilio.url}
  account  ${twilio_sid}, token ${twilio_token},
           or API key ${API_KEY.sid}
           with the secret ${API_KEY.secret}
  admin    ${adminToken}

Ring:      curl ${twilio.url}/_simulator/ring ${json} '{"phone_number":"${NUMBER}","say":["What are your opening hours?"]}'
Text:      curl ${twilio.url}/_simulator/text ${json} '{"phone_number":"${NUMBER}","body":"Hello"}'
Plan:      curl "${worker}/v1/phone-numbers?dry_run=true" ${withKey} ${json} '${other}'
Import:    curl ${worker}/v1/phone-numbers ${withKey} ${json} '${other}'
Connect:   curl ${worker}/v1/connect-links ${withKey} ${json} '${link}'
Cron:      curl "${worker}/cdn-cgi/handler/scheduled?cron=*/15+*+*+*+*"
Look:      curl ${worker}/v1/phone-numbers ${withKey}
`);
}

const AGENT = {
  name: "Receptionist",
  welcome_message: "Hello, Acme Dental. How can I help?",
  system_prompt: "Acme Dental has opening hours from nine to five on weekdays.",
};

async function untilHealthy(worker: string): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const isHealthy = await fetch(`${worker}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isHealthy) return;
    if (Date.now() > deadline) throw new Error(`The Worker at ${worker} does not answer.`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function post<Body>(worker: string, path: string, body: object, key?: string): Promise<Body> {
  const response = await fetch(`${worker}${path}`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
    },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`POST ${path} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as Body;
}
