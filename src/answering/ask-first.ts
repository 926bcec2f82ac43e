import { idOf, named } from "../events/event.ts";
import { afterFailure, type Circuit, stateOf } from "../events/outbox/circuit.ts";
import { signingSecrets } from "../events/secret.ts";
import { signedHeaders } from "../events/signature.ts";
import { errorFields } from "../http/log.ts";
import { settingsOf } from "../phone-numbers/settings.ts";
import { isPublicUrl } from "../public-url.ts";
import type { Services } from "../services.ts";
import type { Asked, Fault, Question } from "../tools/ask.ts";
import { failureOf } from "../tools/question.ts";
import { CALL_SID } from "../twilio/call-sid.ts";
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
  const forwarded = { forwarded_from: parameters.get("ForwardedFrom") };
  const about = { event: "call.inbound", call_id: callSid, ...partiesOf(parameters), ...forwarded };
  const question = await questionOf(route, callSid, about, services);
  if (!question) return route;
  try {
    const asked = await (await services.objects.conversation(route.phoneNumberId, callSid)).ask(question);
    noteOutcome(serverOf(question), asked, services.now().getTime());
    if ("fault" in asked) services.defer(tellFailed(route, about.event, asked, services));
    return await decided(route, asked, services);
  } catch (error) {
    notAsked(route, error, services);
    return route;
  }
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
    notAsked(route, error, services);
    return route;
  }
}

/** What the customer is asked about a text, by its thread: nothing if there is nobody to ask. */
export async function questionAboutText(
  route: InboundRoute,
  parameters: URLSearchParams,
  services: Services,
): Promise<Question | undefined> {
  if (!route.agent?.talk.inbound_url) return undefined;
  const sid = parameters.get("MessageSid") ?? "";
  const of = { event: "sms.inbound", message_id: sid, text: parameters.get("Body") };
  const question = await questionOf(route, sid, { ...of, ...partiesOf(parameters) }, services);
  return question && { ...question, timeoutMs: TEXT_TIMEOUT_MS };
}

function partiesOf(parameters: URLSearchParams) {
  const from = parameters.get("From") ?? "";
  return { from: isWithheld(from) ? "unknown" : from, to: parameters.get("To") };
}

/** The question, signed; undefined if its server is not asked. Never throws. */
async function questionOf(
  route: InboundRoute,
  sid: string,
  { event, ...about }: { event: string } & Record<string, unknown>,
  services: Services,
): Promise<Question | undefined> {
  const { agent, apiKeyId, phoneNumberId } = route;
  const { now, ownAddresses: ownUrls, delivery } = services;
  const url = agent?.talk.inbound_url ?? "";
  const isSafe = isPublicUrl(url, { protocol: "https:", ownUrls, allowLocal: delivery.allowLocal });
  if (!isSafe || stateOf(circuits.get(serverOf({ apiKeyId, url })), now().getTime()) === "open") {
    services.defer(tellFailed(route, event, { fault: isSafe ? "circuit_open" : "unsafe_url" }, services));
    return undefined;
  }
  try {
    const event_id = await idOf(`${phoneNumberId}/${event}/${sid}`);
    const own = named(numberOfRoute(route));
    const created_at = now().toISOString();
    const body = JSON.stringify({ event, event_id, created_at, agent_id: agent?.id, ...own, ...about });
    const stored = JSON.parse(route.row.signing ?? '{"secret_sealed":null,"previous_secret_sealed":null}');
    const secrets = await signingSecrets(apiKeyId, stored, services);
    const headers = await signedHeaders(secrets, event_id, body, now());
    const timeoutMs = agent?.talk.inbound_url_timeout_ms ?? TEXT_TIMEOUT_MS;
    return { url, body, headers, timeoutMs, apiKeyId };
  } catch (error) {
    notAsked(route, error, services);
    return undefined;
  }
}

const serverOf = ({ apiKeyId, url }: Pick<Question, "apiKeyId" | "url">): string => `${apiKeyId} ${url}`;

/** It is ours: the object or the secret could not be read. */
function notAsked({ phoneNumberId }: InboundRoute, error: unknown, { log }: Services): void {
  log.warn("inbound_url_not_asked", { phone_number_id: phoneNumberId, ...errorFields(error) });
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

/** Never throws. */
async function tellFailed(
  route: InboundRoute,
  about: string,
  fault: Fault,
  services: Services,
): Promise<void> {
  const { phoneNumberId } = route;
  const { receipt, data } = failureOf(phoneNumberId, about, fault, services.now());
  try {
    await tell("inbound_url.failed", route, receipt, data, services);
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
