import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { twilio } from "../support/twilio.ts";
import { call } from "../support/worker.ts";
import { addNumber } from "../twilio-simulator/state.ts";
import { withoutDefaultRule } from "./credentials.ts";
import { type Belief, configuration, path, type Tenant, type World } from "./world.ts";

// What owners of Twilio accounts and the operator do without asking anybody.

export type Act = {
  world: World;
  tenant: Tenant;
  belief: Belief;
  isAlone: boolean;
  /** Nothing goes wrong, and nobody does anything else meanwhile. */
  isSure: boolean;
  overrides: { env: Partial<Env> };
  request: (method: string, to: string, body?: unknown, options?: Act["overrides"]) => Promise<Response>;
};

const operator = { authorization: `Bearer ${env.ADMIN_TOKEN}` };

/** The number is no longer in its Twilio account: by now another account has it, under a new SID. */
export async function squat({ world, belief }: Act): Promise<void> {
  await twilio.finishLate();
  twilio.state.numbers.delete(belief.sid);
  const [one, other] = world.accounts;
  belief.account = belief.account === one ? other : one;
  const number = addNumber(twilio.state, belief.account, {
    phone_number: belief.phoneNumber,
    voice_url: "https://owner.example/moved",
  });
  Object.assign(belief, { sid: number.sid, owned: [configuration(number)], isContested: false, kept: {} });
}

/**
 * A default Webhook Rule of the customer's own lets Twilio sign by a SharedKey; or there is none any more.
 * https://www.twilio.com/docs/usage/webhooks/webhook-rules
 */
export async function toggleRule({ world, belief: { account } }: Act): Promise<void> {
  const before = account.webhookRules?.length;
  withoutDefaultRule(account);
  const others = account.webhookRules === "forbidden" ? [] : (account.webhookRules ?? []);
  if (before !== undefined && others.length < before) return;
  const sharedKey = { id: "SK1", secret: "of the customer", algorithm: "HMAC_SHA256" } as const;
  account.webhookRules = [...others, { id: "default", matchType: "DEFAULT", sharedKey }];
  world.ruled.add(account.sid);
}

/** The operator releases a number, whoever has it. */
export async function expel({ tenant, belief, overrides }: Act): Promise<void> {
  const to = path(belief).replace("/v1/", "/v1/admin/");
  const { imports } = belief;
  const { status } = await call("DELETE", to, tenant.key, undefined, { headers: operator, ...overrides });
  if (status === 200) belief.holder = belief.imports === imports ? null : undefined;
  else if (status !== 404) belief.holder = undefined;
}

export async function setPolicy(
  { tenant, belief, isAlone, isSure, request }: Act,
  drift_policy: "repair" | "report",
): Promise<void> {
  const { status } = await request("PATCH", path(belief), { drift_policy });
  if (isSure && belief.holder === tenant) expect(status, `${belief.phoneNumber} has its policy`).toBe(200);
  if (status === 200) belief.policy = isAlone ? drift_policy : undefined;
  else if (status >= 500) belief.policy = undefined;
}

/** The operator limits a key; nothing disturbs that. */
export async function setLimits(
  { tenant }: Act,
  { maxNumbers, textsPerDay }: Tenant["limits"][number],
): Promise<void> {
  const limits = { max_numbers: maxNumbers, texts_per_day: textsPerDay };
  const to = `/v1/keys/${tenant.key.key_id}`;
  expect((await call("PATCH", to, tenant.key, { limits }, { headers: operator })).status).toBe(200);
  tenant.limits.push({ maxNumbers, textsPerDay });
}

/** A number sends a text, unless its key has sent as many as it may in a day. */
export async function send({ tenant, belief, isAlone, request }: Act): Promise<void> {
  const agent = belief.agent ?? tenant.agents[0];
  const body = {
    agent_id: agent.id,
    from_number: belief.phoneNumber,
    to: "+15005550009",
    message: "Your table is ready.",
  };
  tenant.texts.tried += 1;
  const { status } = await request("POST", "/v1/sms", body);
  if (status === 201) tenant.texts.sent += 1;
  const limit = tenant.limits.at(-1)?.textsPerDay ?? null;
  if (!isAlone || limit === null) return;
  if (status === 201) expect(tenant.texts.sent).toBeLessThanOrEqual(limit);
  if (status === 429) expect(tenant.texts.tried).toBeGreaterThan(limit);
}

/** Whether the key may have one number more. */
export async function hasRoom({ key, limits }: Tenant): Promise<boolean> {
  const maxNumbers = limits.at(-1)?.maxNumbers ?? null;
  if (maxNumbers === null) return true;
  const used = await env.DB.prepare(
    "SELECT COUNT(*) AS used FROM phone_numbers WHERE api_key_id = ?1 AND state <> 'returning'",
  )
    .bind(key.key_id)
    .first<number>("used");
  return (used ?? 0) < maxNumbers;
}
