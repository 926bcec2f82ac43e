import { expect } from "vitest";
import type { Channel } from "../../src/phone-numbers/channels.ts";
import { twilio } from "../support/twilio.ts";
import { BASE, send } from "../support/worker.ts";
import { createCaller, type Delivery } from "../twilio-simulator/caller.ts";
import type { WebhookExchange } from "../twilio-simulator/webhooks.ts";
import { isVerifiable } from "./credentials.ts";
import { isCalm } from "./disturb.ts";
import type { Disturbance } from "./history.ts";
import { type Agent, type Belief, numberOf, rowOf, type Tenant, type World } from "./world.ts";

// People who ring and text the numbers, whatever goes on meanwhile.

const WEBHOOKS = `${BASE}/webhooks/twilio/`;

type Circumstances = { disturbance: Disturbance; isAlone: boolean; overrides: Partial<Env> };

export async function ring(world: World, belief: Belief, circumstances: Circumstances): Promise<void> {
  const route = await routeOf(world, belief, "voice");
  const { voice_url, trunk_sid } = numberOf(belief);
  const { answeredBy, twiml, exchanges } = await callerOf(circumstances).ring(belief.phoneNumber);
  const ours = exchanges.filter(({ url }) => isOurs(url));
  for (const { url, status } of ours)
    if (status < 300) world.heard.add(url.slice(WEBHOOKS.length).split("/")[0] ?? "");
  // What is refused of ours is what is signed with a token that we were not told of.
  if (trunk_sid || !isOurs(voice_url) || !route.isVerifiable) return;
  expect(["webhook", "fallback"], `${belief.phoneNumber} is answered`).toContain(answeredBy);

  const { isActive, agent } = route;
  if (!isActive || !isCalm(circumstances.disturbance) || !circumstances.isAlone) return;
  expect(ours.map(({ status }) => status)).toEqual(
    ours.map(({ url }) => (url.endsWith("/status") ? 204 : 200)),
  );
  expect(answeredBy).toBe("webhook");
  if (agent) expect(twiml).toContain(agent.isDeleted || !route.isTaken ? "not taking calls" : agent.words);
}

/** @param isRepeated Twilio does not hear the answer, and tells it once more */
export async function text(
  world: World,
  belief: Belief,
  isRepeated: boolean,
  circumstances: Circumstances,
): Promise<void> {
  const route = await routeOf(world, belief, "sms");
  const isToUs = isOurs(numberOf(belief).sms_url);
  const delivery = await callerOf(circumstances).text(belief.phoneNumber);
  const taken = delivery.exchanges.at(-1);
  if (!taken || !isToUs) return;

  const { isActive, isVerifiable, agent } = route;
  const { disturbance, isAlone } = circumstances;
  if (isActive && isVerifiable && isAlone && isCalm(disturbance)) expect(delivery.answeredBy).toBe("webhook");
  // A repetition does not say whose key signed it.
  if (isRepeated && !belief.account.webhookRules) await repeat(taken, circumstances);
  if (!isAcknowledged(delivery)) return;

  // An isolate that dies after its answer may take the text with it, and so may an outbox and D1 that fail at once; two steps at
  // once may come in either order.
  const isLost = disturbance.deathAfter !== null || (disturbance.outbox && disturbance.database);
  const isKnown = isActive && isVerifiable && isAlone && !isLost;
  const told = agent && (agent.hasWebhook && !agent.isDeleted && route.isTaken ? agent : null);
  world.texts.push({ sid: taken.parameters.MessageSid ?? "", agent: isKnown ? told : undefined });
}

const isOurs = (url: string | null) => url?.startsWith(WEBHOOKS) === true;

const isAcknowledged = ({ answeredBy }: Delivery) => answeredBy === "webhook" || answeredBy === "fallback";

function callerOf({ overrides }: Circumstances) {
  return createCaller(
    twilio.state,
    async (request) => {
      if (isOurs(request.url)) return send(request, overrides);
      return new Response("<Response/>", { headers: { "content-type": "text/xml" } });
    },
    () => Promise.reject(new Error("no such host")),
  );
}

async function repeat({ url, parameters, signature }: WebhookExchange, { overrides }: Circumstances) {
  const body = new URLSearchParams(parameters);
  await send(
    new Request(url, { method: "POST", headers: { "x-twilio-signature": signature }, body }),
    overrides,
  );
}

type Route = {
  /** Its row is active, and the number points at this very row. */
  isActive: boolean;
  /** The token that Twilio signs with was told here. */
  isVerifiable: boolean;
  /** The number is imported for such. */
  isTaken: boolean;
  /** Whose words its callers hear; undefined: nobody can know. */
  agent: Agent | undefined;
};

async function routeOf({ tenants }: World, belief: Belief, channel: Channel): Promise<Route> {
  const row = await rowOf(belief);
  const tenant = tenants.find(({ key }) => key.key_id === row?.api_key_id);
  const isUpToDate = (known: Tenant) => isVerifiable(known, belief.account);
  const { voice_url, sms_url } = numberOf(belief);
  const pointsElsewhere = [voice_url, sms_url].some((url) => isOurs(url) && !url?.includes(`/${row?.id}/`));
  return {
    isActive: row?.state === "active" && !pointsElsewhere,
    isTaken: row?.channels.includes(channel) === true,
    isVerifiable: tenant ? isUpToDate(tenant) : tenants.every(isUpToDate),
    agent: tenant && tenant === belief.holder ? belief.agent : undefined,
  };
}
