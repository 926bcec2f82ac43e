import { idOf, named } from "../events/event.ts";
import { afterFailure, type Circuit, stateOf } from "../events/outbox/circuit.ts";
import { signingSecrets } from "../events/secret.ts";
import { signedHeaders } from "../events/signature.ts";
import { errorFields } from "../http/log.ts";
import { settingsOf } from "../phone-numbers/settings.ts";
import { isPublicUrl } from "../public-url.ts";
import type { Services } from "../services.ts";
import { type Answer, type Asked, askCustomer, type Question } from "../tools/question.ts";
import { CALL_SID } from "../twilio/calls.ts";
import { isWithheld } from "../twilio/e164.ts";
import { isInService } from "./answer.ts";
import { type InboundRoute, numberOfRoute, routeOf } from "./route.ts";
import { tell } from "./tell.ts";

// A customer's server may say what becomes of a call or a text: who answers, with which words, or nobody. What it says of a
// call is kept by the call's object, which every later request of the call asks: it costs no query, and outlives an isolate.
// Twilio waits 15 seconds for an answer to a call, so at most 8 of them are the customer's.
// https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides

const TEXT_TIMEOUT_MS = 5_000;
const MAX_SERVERS = 1_000;

// Of this isolate only: a server that is down keeps no caller waiting, and nothing is written before an answer. Each key
// has its own: what one key makes of a URL, as by a short timeout, must not silence it for another.
const circuits = new Map<string, Circuit>();

/** The route of a call, as the customer wants it. Whatever goes wrong, the call goes on by the number's own settings. */
export async function askBeforeCall<Route extends InboundRoute>(
  route: Route,
  parameters: URLSearchParams,
  services: Services,
): Promise<Route> {
  const callSid = parameters.get("CallSid") ?? "";
  if (!route.agent?.talk.inbound_url || !isInService(route) || !CALL_SID.test(callSid)) return route;
  const about = { event: "call.inbound", call_id: callSid, ...partiesOf(parameters) };
  const forwarded = { forwarded_from: parameters.get("ForwardedFrom") };
  const asked = await ask(route, callSid, { ...about, ...forwarded }, services, async (question) =>
    (await services.objects.conversation(route.phoneNumberId, callSid)).ask(question),
  );
  return asked ? decided(route, asked, services) : route;
}

/** The route of a later request of the same call. */
export async function recallAnswer<Route extends InboundRoute>(
  route: Route,
  callSid: string,
  services: Services,
): Promise<Route> {
  if (!route.agent?.talk.inbound_url || !CALL_SID.test(callSid)) return route;
  try {
    const asked = await (await services.objects.conversation(route.phoneNumberId, callSid)).asked();
    return asked ? await decided(route, asked, services) : route;
  } catch (error) {
    services.log.warn("inbound_url_not_asked", {
      phone_number_id: route.phoneNumberId,
      ...errorFields(error),
    });
    return route;
  }
}

const OF_TEXTS: ReadonlySet<string> = new Set(["agent_id", "custom_prompt", "dynamic_vars", "reject"]);

/** The route of a text. Only who answers and with which prompt counts, and whether anybody does. */
export async function askBeforeText<Route extends InboundRoute>(
  route: Route,
  parameters: URLSearchParams,
  services: Services,
): Promise<Route> {
  if (!route.agent?.talk.inbound_url) return route;
  const sid = parameters.get("MessageSid") ?? "";
  const about = {
    event: "sms.inbound",
    message_id: sid,
    text: parameters.get("Body"),
    ...partiesOf(parameters),
  };
  const asked = await ask(route, sid, about, services, (question) =>
    askCustomer({ ...question, timeoutMs: TEXT_TIMEOUT_MS }, services.db),
  );
  if (!asked || "fault" in asked) return route;
  const answer = Object.fromEntries(Object.entries(asked.answer).filter(([name]) => OF_TEXTS.has(name)));
  return decided(route, { ...asked, answer: answer as Answer }, services);
}

function partiesOf(parameters: URLSearchParams) {
  const from = parameters.get("From") ?? "";
  return { from: isWithheld(from) ? "unknown" : from, to: parameters.get("To") };
}

async function ask(
  route: InboundRoute,
  sid: string,
  { event, ...about }: { event: string } & Record<string, unknown>,
  services: Services,
  send: (question: Question) => Promise<Asked>,
): Promise<Asked | null> {
  const { agent, apiKeyId, phoneNumberId } = route;
  const { now, log, ownAddresses: ownUrls, delivery } = services;
  const url = agent?.talk.inbound_url ?? "";
  const event_id = await idOf(`${phoneNumberId}/${event}/${sid}`);
  const own = named(numberOfRoute(route));
  const server = `${apiKeyId} ${url}`;
  let asked: Asked;
  if (!isPublicUrl(url, { protocol: "https:", ownUrls, allowLocal: delivery.allowLocal }))
    asked = { fault: "unsafe_url" };
  else if (stateOf(circuits.get(server), now().getTime()) === "open") asked = { fault: "circuit_open" };
  else
    try {
      const created_at = now().toISOString();
      const body = JSON.stringify({ event, event_id, created_at, agent_id: agent?.id, ...own, ...about });
      const stored = JSON.parse(route.row.signing ?? '{"secret_sealed":null,"previous_secret_sealed":null}');
      const secrets = await signingSecrets(apiKeyId, stored, services);
      const headers = await signedHeaders(secrets, event_id, body, now());
      const timeoutMs = agent?.talk.inbound_url_timeout_ms ?? TEXT_TIMEOUT_MS;
      asked = await send({ url, body, headers, timeoutMs, apiKeyId });
      noteOutcome(server, asked, now().getTime());
    } catch (error) {
      // It is ours: the object or the secret could not be read.
      log.warn("inbound_url_not_asked", { phone_number_id: phoneNumberId, ...errorFields(error) });
      return null;
    }
  if ("fault" in asked) {
    const { fault: reason, ...facts } = asked;
    services.defer(tellFailed(route, { about: event, reason, ...facts }, services));
  }
  return asked;
}

/** Only a server that does not answer is left alone: a wrong answer costs no caller time. */
function noteOutcome(server: string, asked: Asked, time: number): void {
  const before = circuits.get(server);
  circuits.delete(server);
  const isDown =
    "fault" in asked && (/^(timeout|network_error)$/.test(asked.fault) || (asked.http_status ?? 0) >= 500);
  if (isDown) circuits.set(server, afterFailure(before, time));
  for (const oldest of circuits.keys()) {
    if (circuits.size <= MAX_SERVERS) break;
    circuits.delete(oldest);
  }
}

/** Once an hour and number: within the hour the event has the same id. Never throws. */
async function tellFailed(
  route: InboundRoute,
  data: Record<string, unknown>,
  services: Services,
): Promise<void> {
  const { phoneNumberId } = route;
  const hour = services.now().toISOString().slice(0, "2026-01-31T12".length);
  try {
    await tell("inbound_url.failed", route, `${phoneNumberId}/inbound_url.failed/${hour}`, data, services);
  } catch (error) {
    services.log.error("inbound_not_recorded", { phone_number_id: phoneNumberId, ...errorFields(error) });
  }
}

/** The route with the customer's answer: another agent first, then what is the number's own, then what was said. */
async function decided<Route extends InboundRoute>(
  route: Route,
  asked: Asked,
  services: Services,
): Promise<Route> {
  if ("fault" in asked) return route;
  const { agent, answer } = asked;
  const { agent_id: _, reject, transfer_to, dynamic_vars, ...said } = answer;
  const own = settingsOf(route.row.settings);
  const settings = { ...own, ...said, dynamic_vars: { ...own.dynamic_vars, ...dynamic_vars } };
  const row = {
    ...route.row,
    ...(agent && {
      ...agent,
      agent_id: agent.id,
      webhook_url: agent.webhook_url ?? route.row.webhook_url,
    }),
    ...(transfer_to && { connect: JSON.stringify({ type: "dial", number: transfer_to }) }),
    settings: JSON.stringify(settings),
  };
  return { ...route, ...(await routeOf(route.phoneNumberId, row, services.defaultLimits)), reject };
}
