import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { forgetRoutes } from "../../src/answering/route-cache.ts";
import type { Channel } from "../../src/phone-numbers/channels.ts";
import { RECONCILIATION } from "../../src/queues.ts";
import { deliverQueued, runCron } from "../support/consume.ts";
import { becomeDue, restartOutboxes, runAlarms } from "../support/outbox.ts";
import { enqueueIn, queued, takeQueued } from "../support/queue.ts";
import { twilio } from "../support/twilio.ts";
import { call } from "../support/worker.ts";
import type { NumberResource } from "../twilio-simulator/resource.ts";
import { type Account, promoteSecondaryToken } from "../twilio-simulator/state.ts";
import { ring, text } from "./callers.ts";
import {
  connectByKey,
  connectByToken,
  disconnect,
  isOutdated,
  settleCredentials,
  withoutDefaultRule,
} from "./credentials.ts";
import { calm, disturb, isCalm, letTimePass } from "./disturb.ts";
import { type Disturbance, type Moment, nothing, type Step } from "./history.ts";
import { expectUntouched } from "./invariants.ts";
import { bring, guess } from "./links.ts";
import { type Act, expel, hasRoom, send, setLimits, setPolicy, squat, toggleRule } from "./rude.ts";
import { type Belief, numberOf, path, replaceAgent, rowOf, type Tenant, type World } from "./world.ts";

const isOurs = (number: NumberResource) => JSON.stringify(number).includes("/webhooks/twilio/");

/** One moment of a history, to its end. */
export async function live(world: World, { steps, disturbance }: Moment): Promise<void> {
  await Promise.all(steps.map((step) => take(world, step, disturbance, steps.length === 1)));
  calm();
  world.beliefs.forEach(expectUntouched);
}

/** Does one step of a history. What is lost on the way is lost; asserted is only what never may be otherwise. */
async function take(world: World, step: Step, disturbance: Disturbance, isAlone: boolean): Promise<void> {
  const tenant = whoTakes(world, step);
  const belief = world.beliefs[step.number] as Belief;
  const overrides = disturb(disturbance);
  const isSure = isAlone && isCalm(disturbance) && !tenant.isRevoked;
  const request = async (method: string, to: string, body?: unknown, options = overrides) => {
    const wasRevoked = tenant.isRevoked;
    const response = await call(method, to, tenant.key, body, options);
    if (wasRevoked) expect([401, 503], "a revoked key opens nothing").toContain(response.status);
    return response;
  };
  const act: Act = { world, tenant, belief, isAlone, isSure, overrides, request };
  switch (step.kind) {
    case "import": {
      const { account } = belief;
      const token = account.authToken;
      const body = {
        phone_number: belief.phoneNumber,
        twilio_sid: account.sid,
        ...(tenant.signing.get(account)?.isByKey !== true && { twilio_token: token }),
        agent_id: tenant.agents[0].id,
        channels: step.channels,
      };
      const post = () => request("POST", "/v1/phone-numbers", body);
      const response = await importNumber(act, step.channels, "imported", post);
      if (response.status === 201 && "twilio_token" in body && account.authToken === token)
        tenant.outdated.delete(account);
      return;
    }
    case "bring":
      // An answer of the link's own says nothing of the number, nor does one of a step before the import.
      await importNumber(act, null, "brought", () => bring(act));
      return;
    case "guess":
      return guess(act);
    case "release": {
      const { imports } = belief;
      const { status } = await request("DELETE", path(belief));
      if (isSure && belief.holder === tenant) expect([200, 409], "leaving is possible").toContain(status);
      if (status === 200) belief.holder = belief.imports === imports ? null : undefined;
      else if (![401, 404].includes(status) && belief.holder === tenant) belief.holder = undefined;
      return;
    }
    case "move": {
      const [, agent] = tenant.agents;
      const { status } = await request("PATCH", path(belief), { agent_id: agent.id });
      if (isSure && belief.holder === tenant) expect(status, `${belief.phoneNumber} is moved`).toBe(200);
      if (status === 200) belief.agent = agent;
      else if (status >= 500 && belief.holder === tenant) belief.agent = undefined;
      return;
    }
    case "switch": {
      const { channels } = step;
      const isHolder = belief.holder === tenant;
      for (const channel of channels) belief.wanted.add(channel);
      const { status } = await request("PATCH", path(belief), { channels });
      if (isSure && isHolder && !isOutdated(tenant, belief.account)) expect([200, 409]).toContain(status);
      if (status === 200) belief.channels = channels;
      else if (isHolder) belief.channels = undefined;
      return;
    }
    case "dismiss": {
      const agent = tenant.agents[step.agent];
      const to = `/v1/agents/${agent.id}?force=true`;
      let { status } = await request("DELETE", to);
      // Who got no answer asks again, and what another isolate has deleted this one knows after 30 seconds.
      if (status >= 500) {
        ({ status } = await request("DELETE", to, undefined, { env: {} }));
        forgetRoutes(tenant.key.key_id);
      }
      if (status !== 401) await replaceAgent(tenant, agent, world.customer);
      return;
    }
    case "revoke": {
      if (world.tenants.some(({ isRevoked }) => isRevoked)) return;
      const headers = { authorization: `Bearer ${env.ADMIN_TOKEN}` };
      const to = `/v1/keys/${tenant.key.key_id}`;
      const { status } = await call("DELETE", to, tenant.key, undefined, { headers, ...overrides });
      if (status >= 500) await call("DELETE", to, tenant.key, undefined, { headers });
      tenant.isRevoked = true;
      return;
    }
    case "check":
      await request("POST", `${path(belief)}/check`);
      return;
    case "rotate": {
      const { account } = belief;
      account.secondaryAuthToken ??= crypto.randomUUID().replaceAll("-", "");
      const token = account.secondaryAuthToken;
      const { status } = await request("PATCH", path(belief), { twilio_token: token });
      if (status !== 200) return;
      if (account.secondaryAuthToken === token) {
        promoteSecondaryToken(account);
        for (const { outdated } of world.tenants) outdated.add(account);
        world.rotated.add(account.sid);
      }
      if (account.authToken === token) tenant.outdated.delete(account);
      return;
    }
    case "by_key":
      return connectByKey(act);
    case "by_token":
      return connectByToken(act);
    case "disconnect":
      return disconnect(act);
    case "squat":
      return squat(act);
    case "rule":
      return toggleRule(act);
    case "expel":
      return expel(act);
    case "send":
      return send(act);
    case "policy":
      return setPolicy(act, step.policy);
    case "limit":
      return setLimits(act, step);
    case "edit":
      return edit(belief, step.field, `https://owner.example/new/${step.value}`);
    case "ring":
      return ring(world, belief, { disturbance, isAlone, overrides: overrides.env });
    case "text":
      return text(world, belief, step.isRepeated, { disturbance, isAlone, overrides: overrides.env });
    case "cron":
      await env.DB.prepare("UPDATE twilio_accounts SET next_check_at = '2020-01-01T00:00:00.000Z'").run();
      await runCron("*/15 * * * *", overrides.env).catch(() => undefined);
      return;
    case "deliver":
      await deliver(RECONCILIATION, step.isDoubled, overrides.env);
      await runAlarms();
      if (step.isDoubled) await runAlarms();
      return;
    case "forget":
      // What the cron makes up for is lost on its way; and time passes.
      takeQueued(RECONCILIATION);
      await restartOutboxes();
      await letTimePass(world);
      return;
  }
}

/** A number is imported, and the world learns from the answer. */
async function importNumber(
  { world, tenant, belief, isAlone, isSure }: Act,
  given: Channel[] | null,
  word: string,
  ask: () => Promise<Response>,
): Promise<Response> {
  const { holder, account } = belief;
  const [agent] = tenant.agents;
  const row = await rowOf(belief);
  const isElsewhere = row !== null && row.account_sid !== account.sid;
  const channels = given ?? (["voice", "sms"] as const);
  for (const channel of channels) belief.wanted.add(channel);
  const isWanted = isSure && (await mayImport(world, belief, tenant));
  const response = await ask();
  if (isWanted) expect(response.status, `${belief.phoneNumber} can be ${word}`).toBe(201);
  if (response.status === 201) {
    Object.assign(belief, {
      holder: tenant,
      imports: belief.imports + 1,
      agent,
      channels,
      kept: {},
      policy: isAlone ? "repair" : undefined,
    });
  } else if (holder && holder !== tenant && response.status !== 409) {
    // If its key is revoked, or it is in another account by now, it has given way, or it has not.
    if (holder.isRevoked || isElsewhere) belief.holder = undefined;
  } else if (belief.holder === null && (await response.text()).includes('"outcome":"unknown"')) {
    belief.holder = undefined;
  }
  return response;
}

/**
 * Whether nobody else has the number, and nobody is at work on it. One of a revoked key is for whoever has the account, and
 * so is one that its own account no longer has, if that can be asked.
 */
async function mayImport({ tenants }: World, belief: Belief, tenant: Tenant): Promise<boolean> {
  if (!(await hasRoom(tenant))) return false;
  const row = await rowOf(belief);
  if (!row) return true;
  if (row.lease_expires_at && row.lease_expires_at > new Date().toISOString()) return false;
  const holder = tenants.find(({ key }) => key.key_id === row.api_key_id);
  const former = twilio.state.accounts.get(row.account_sid) as Account;
  if (holder && holder !== tenant && row.state === "active" && former !== belief.account)
    return holder.isRevoked || !isOutdated(holder, former);
  return holder === tenant ? row.state !== "active" : row.state === "returning" || holder?.isRevoked === true;
}

function whoTakes({ tenants }: World, { tenant: index, isStubborn }: Step): Tenant {
  const tenant = tenants[index] as Tenant;
  return tenant.isRevoked && !isStubborn ? (tenants[1 - index] as Tenant) : tenant;
}

/** The owner of a number sets a field at Twilio, when nothing that was sent there before is under way any more. */
async function edit(
  belief: Belief,
  field: "voice_url" | "sms_url" | "status_callback",
  value: string,
): Promise<void> {
  await twilio.finishLate();
  const number = numberOf(belief);
  if (isOurs(number)) belief.isContested = true;
  if (belief.holder?.isRevoked) belief.kept[field] = value;
  number[field] = value;
  // Whoever sets a voice URL sees what is bound beside it, and wants it so.
  const bound = field === "voice_url" && { trunk_sid: number.trunk_sid ?? "" };
  belief.owned.push({ ...belief.owned.at(-1), [field]: value, ...bound });
}

async function deliver(queue: string, isDoubled: boolean, overrides: Partial<Env> = {}): Promise<void> {
  const messages = takeQueued(queue);
  enqueueIn(queue, ...messages, ...(isDoubled ? messages : []));
  await deliverQueued(queue, overrides);
}

/** No more faults, time passes, and the cron runs until nothing is left to do. */
export async function settle(world: World): Promise<void> {
  calm();
  for (let round = 0; round < 2; round += 1) {
    await letTimePass(world);
    // Nobody fights us any more.
    await env.DB.batch([
      env.DB.prepare(
        `UPDATE phone_numbers SET repairs = 0, next_attempt_at = NULL, outcome_unknown_until = NULL, health_reasons =
           (SELECT json_group_array(value) FROM json_each(health_reasons) WHERE value <> 'repair_contested')`,
      ),
      env.DB.prepare("UPDATE twilio_accounts SET next_check_at = '2020-01-01T00:00:00.000Z'"),
    ]);
    takeQueued(RECONCILIATION);
    await runCron("*/15 * * * *");
    let { retried } = await deliverQueued(RECONCILIATION);
    // A message sends itself on while there is more to do.
    while (queued(RECONCILIATION).length > 0) ({ retried } = await deliverQueued(RECONCILIATION));
    const rows = await Promise.all(world.beliefs.map(rowOf));
    if (retried.length === 0 && rows.every((row) => !row || row.state === "active")) break;
  }
  // What was sent is told of, by the owner's key or by the token; then they sign by the token again.
  await twilio.deliverTexts({});
  await settleCredentials(world, (tenant, account) => {
    const request: Act["request"] = (method, to, body, options) =>
      call(method, to, tenant.key, body, options);
    const belief = { account } as Belief;
    return { world, tenant, belief, isAlone: true, isSure: true, overrides: { env: {} }, request };
  });
  for (const account of world.accounts) withoutDefaultRule(account);
  for (const { key } of world.tenants) forgetRoutes(key.key_id);
  world.heard.clear();
  // Whoever has a number by now is rung, and told of a text.
  for (const belief of world.beliefs) {
    await ring(world, belief, { disturbance: nothing, isAlone: true, overrides: {} });
    await text(world, belief, true, { disturbance: nothing, isAlone: true, overrides: {} });
  }
  // Whoever was to make an attempt is gone.
  await restartOutboxes();
  await becomeDue();
  for (const { key } of world.tenants) forgetRoutes(key.key_id);
}
