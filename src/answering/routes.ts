import { type AppContext, afterAnswer } from "../http/context.ts";
import { ApiError } from "../http/errors.ts";
import { methodNotAllowed } from "../http/not-found.ts";
import type { Channel } from "../phone-numbers/channels.ts";
import { requestServices, type Services } from "../services.ts";
import { element, twimlResponse } from "../twilio/twiml.ts";
import { calledBy, WEBHOOK_PATH, webhooksOf } from "../twilio/webhook-urls.ts";
import { isDisproved } from "../twilio-accounts/health.ts";
import { endRotation, noteSignOfLife, outcomeOf, reportEvent } from "./after-answer.ts";
import { answer, fallback, isUnreached, unavailable } from "./answer.ts";
import { askBeforeCall, recallAnswer } from "./ask-first.ts";
import { closeConversation, gatherTurn, openRelay, talkingAgent, talkUrls } from "./converse.ts";
import type { WebhookKind } from "./event-from-webhook.ts";
import { lastResort } from "./last-resort.ts";
import { logCall } from "./log-call.ts";
import { filled, routeOfPath, routeOfPathOrPlain } from "./outbound.ts";
import { withinCallsPerDay } from "./put-through.ts";
import { endRefusal, forgetRefusals } from "./refusals.ts";
import { type InboundRoute, isVerified, onChannel, type TrustedRoute } from "./route.ts";
import { loadRoute } from "./route-cache.ts";
import { replyByText } from "./text-reply.ts";
import {
  parametersOf,
  readUnverified,
  routeServices,
  type TrustedRequest,
  trust,
} from "./trusted-request.ts";
import { leaveVoicemail, noteVoicemailLeft } from "./voicemail.ts";

const MAX_LOGGED = 20;

// We set POST. A GET means that somebody changed the method at Twilio; we answer it too.
const METHODS = ["GET", "POST"];
const RELAY = "relay/:call";

type Answer = (c: AppContext) => Promise<Response>;

const ABOUT_EITHER: Record<string, Answer> = {
  voice: politely(takeCall),
  "voice-fallback": politely(takeFallback),
  "connect-action": politely((c) => afterConnect(c, false)),
  "connect-action-plain": politely((c) => afterConnect(c, true)),
  [RELAY]: openRelay,
  gather: (c) => gather(c, false),
  "gather-wait": (c) => gather(c, true),
  status: (c) => takeInCallback(c, "status"),
};

/** What Twilio calls about a number, and about one call that this service has placed, by the end of the path. */
const ANSWERS: Record<"number" | "call", Record<string, Answer>> = {
  number: {
    ...ABOUT_EITHER,
    sms: takeInText,
    "sms-fallback": takeInText,
    "message-status": (c) => takeInCallback(c, "message"),
    recording: (c) => takeInCallback(c, "recording"),
  },
  call: { ...ABOUT_EITHER, machine: afterBeep, "voicemail-left": afterVoicemail },
};

/**
 * Answers what Twilio calls. Calls are answered in TwiML: after anything else the caller hears Twilio's application
 * error. No answer waits for a write, a queue or a customer: that work follows the answer.
 *
 * @throws ApiError `not_found`, `method_not_allowed`, and what the answer throws
 */
export function answerTwilio(c: AppContext): Promise<Response> {
  const called = calledBy(c.req.path);
  if (!called) throw new ApiError("not_found");
  const end = called.callSid === undefined ? called.what : `${called.what}/:call`;
  const [about, ids] =
    called.callId === undefined ? (["number", ""] as const) : (["call", "/calls/:outbound"] as const);
  const answers = ANSWERS[about];
  const answerIt = Object.hasOwn(answers, end) && answers[end];
  if (!answerIt) throw new ApiError("not_found");
  c.set("called", called);
  c.set("route", `${WEBHOOK_PATH}/:account/:id${ids}/${end}`);
  const allowed = end === RELAY ? ["GET"] : METHODS;
  if (!allowed.includes(c.req.method)) throw methodNotAllowed(allowed);
  return answerIt(c);
}

/** If the number is not ours, or no longer, the caller hears so. After any other error Twilio calls the fallback. */
function politely(answerCall: Answer): Answer {
  return async (c) => {
    try {
      return await answerCall(c);
    } catch (error) {
      if (error instanceof ApiError && error.code === "not_found") return twimlResponse(...unavailable());
      throw error;
    }
  };
}

async function takeCall(c: AppContext): Promise<Response> {
  const request = await trusted(c, { channel: "voice", decide: askBeforeCall });
  const { publicBaseUrl, model } = c.get("config");
  const call = {
    callSid: request.parameters.get("CallSid") ?? "",
    from: request.parameters.get("From") ?? "",
  };
  const services = requestServices(c);
  const { recording } = webhooksOf(publicBaseUrl, request.route);
  const urls = { recording, ...(await talkUrls(request.route, call.callSid, services)) };
  reportAfter(c, "voice", request);
  const now = new Date();
  const decide = (route: InboundRoute) => answer(route, call, urls, { hasModel: model !== null, now });
  return twimlResponse(...(await withinCallsPerDay(request.route, decide, services)));
}

async function takeFallback(c: AppContext): Promise<Response> {
  const unverified = await readUnverified(c);
  const route = await lastResort(unverified, routeServices(c));
  if (!route) return twimlResponse(...unavailable());
  const parameters = parametersOf(unverified);
  const known = await routeOfPathOrPlain(c, route, (plain) => recall(plain, parameters, requestServices(c)));
  // A call that the voice URL did not answer has come in all the same.
  if (isVerified(known) && !known.outbound) workAfter(c, (services) => noteSignOfLife(known, services));
  return fallBack(c, onChannel(known, "voice"), parameters.get("From") ?? "");
}

async function afterConnect(c: AppContext, isPlain: boolean): Promise<Response> {
  const unverified = await readUnverified(c);
  const known = await lastResort(unverified, routeServices(c));
  const parameters = parametersOf(unverified);
  const services = requestServices(c);
  const route = known && (await routeOfPathOrPlain(c, known, (plain) => recall(plain, parameters, services)));
  // Nobody knows who sent it: nothing is written, and nothing in it is acted on.
  if (known && !isVerified(known)) return twimlResponse(...fallback(filled(known), ""));
  const isOfConnect = !parameters.has("DialCallStatus");
  // A request that nobody has verified changes nothing: its caller hears the fallback at most.
  if (route && isVerified(route) && isOfConnect && talkingAgent(route, c.get("config").model !== null)) {
    return twimlResponse(...(await closeConversation(c, route, parameters, isPlain)));
  }
  if (!isUnreached(parameters)) return twimlResponse(element("Hangup"));
  if (!route) return twimlResponse(...unavailable());
  c.get("log").warn("runtime_unreached", {
    phone_number_id: route.phoneNumberId,
    agent_id: route.agent?.id,
    twilio_code: parameters.get("ErrorCode")?.slice(0, MAX_LOGGED),
    dial_status: parameters.get("DialCallStatus")?.slice(0, MAX_LOGGED),
  });
  return fallBack(c, route, parameters.get("From") ?? "");
}

async function fallBack(c: AppContext, route: InboundRoute, from: string): Promise<Response> {
  const decide = (allowed: InboundRoute) => fallback(allowed, from);
  return twimlResponse(...(await withinCallsPerDay(route, decide, requestServices(c))));
}

async function gather(c: AppContext, isWaiting: boolean): Promise<Response> {
  return twimlResponse(...(await gatherTurn(c, await trusted(c), isWaiting)));
}

async function afterBeep(c: AppContext): Promise<Response> {
  const request = await trusted(c);
  workAfter(c, (services) => leaveVoicemail(request, services));
  return c.body(null, 204);
}

async function afterVoicemail(c: AppContext): Promise<Response> {
  await noteVoicemailLeft(await trusted(c), requestServices(c));
  return twimlResponse(element("Hangup"));
}

async function takeInText(c: AppContext): Promise<Response> {
  reportAfter(c, "sms", await trusted(c, { channel: "sms" }));
  return twimlResponse();
}

async function takeInCallback(c: AppContext, kind: WebhookKind): Promise<Response> {
  const request = await trusted(c, { isReport: true });
  const services = requestServices(c);
  const outcome = kind === "status" ? await outcomeOf(request, services) : null;
  // Nobody waits for this answer. If the log cannot be written, Twilio is asked to come again.
  const logging = logCall(kind, request, outcome, services);
  reportAfter(c, kind, request, (await logging.catch(() => null)) ?? outcome);
  await logging;
  return c.body(null, 204);
}

/** What the customer has said of the call, if it is a call. A request that nobody has verified gets only what any caller gets. */
async function recall<Route extends InboundRoute>(
  route: Route,
  parameters: URLSearchParams,
  services: Services,
) {
  return isVerified(route) ? recallAnswer(route, parameters.get("CallSid") ?? "", services) : route;
}

type Wanted = {
  isReport?: boolean;
  /** What it comes in on. */
  channel?: Channel;
  decide?: typeof recall<TrustedRoute>;
};

async function trusted(
  c: AppContext,
  { isReport = false, channel, decide = recall }: Wanted = {},
): Promise<TrustedRequest> {
  const request = await trust(await readUnverified(c), routeServices(c), isReport);
  forgetRefusals(request.route);
  const learnt = request.isCurrent ? "signing_key_proven" : "signature_verified";
  if (isDisproved(request.route.accountReasons, learnt))
    workAfter(c, (services) => endRefusal(request.route, learnt, services));
  const { parameters } = request;
  const services = requestServices(c);
  const own = channel ? await onItsChannel(c, request.route, channel) : request.route;
  const route = await routeOfPath(c, own, (plain) => decide(plain, parameters, services));
  return { ...request, route };
}

/** The number's route on a channel. One that was added since the route was read must not lose its first text. */
async function onItsChannel(c: AppContext, route: TrustedRoute, channel: Channel): Promise<TrustedRoute> {
  if (c.get("called").callId !== undefined || route.channels.includes(channel)) return route;
  return onChannel((await loadRoute(route.phoneNumberId, "primary", routeServices(c))) ?? route, channel);
}

function reportAfter(
  c: AppContext,
  kind: WebhookKind,
  request: TrustedRequest,
  outcome: object | null = null,
): void {
  workAfter(c, (services) => reportEvent(kind, request, services, outcome));
  if (kind === "sms") workAfter(c, (services) => replyByText(request, services));
  if (request.isPromoted) workAfter(c, (services) => endRotation(request.route, services));
}

function workAfter(c: AppContext, work: (services: Services) => Promise<void>): void {
  afterAnswer(c, () => work(requestServices(c)));
}
