import { Hono } from "hono/tiny";
import type { AppContext, AppEnv } from "../http/context.ts";
import { ApiError } from "../http/errors.ts";
import type { Channel } from "../phone-numbers/channels.ts";
import { requestServices, type Services } from "../services.ts";
import { element, twimlResponse } from "../twilio/twiml.ts";
import { webhooksOf } from "../twilio/webhook-urls.ts";
import { isRefused } from "../twilio-accounts/health.ts";
import { endRotation, outcomeOf, reportEvent } from "./after-answer.ts";
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

/**
 * The webhooks that Twilio calls. Calls are answered in TwiML: after anything else the caller hears Twilio's
 * application error. No answer waits for a write, a queue or a customer: that work follows the answer.
 */
export const answering = new Hono<AppEnv>();

// About a number, and about one call that this service has placed.
for (const about of ["/:account/:id", "/:account/:id/calls/:outbound"]) {
  answering
    .on(METHODS, `${about}/voice`, politely(takeCall))
    .on(METHODS, `${about}/voice-fallback`, politely(takeFallback))
    .on(
      METHODS,
      `${about}/connect-action`,
      politely((c) => afterConnect(c, false)),
    )
    .on(
      METHODS,
      `${about}/connect-action-plain`,
      politely((c) => afterConnect(c, true)),
    )
    .get(`${about}/relay/:call`, openRelay)
    .on(METHODS, `${about}/gather`, async (c) =>
      twimlResponse(...(await gatherTurn(c, await trusted(c), false))),
    )
    .on(METHODS, `${about}/gather-wait`, async (c) =>
      twimlResponse(...(await gatherTurn(c, await trusted(c), true))),
    )
    .on(METHODS, `${about}/status`, (c) => takeInCallback(c, "status"));
}
answering
  .on(METHODS, "/:account/:id/calls/:outbound/machine", async (c) => {
    const request = await trusted(c);
    afterAnswer(c, (services) => leaveVoicemail(request, services));
    return c.body(null, 204);
  })
  .on(METHODS, "/:account/:id/calls/:outbound/voicemail-left", async (c) => {
    await noteVoicemailLeft(await trusted(c), requestServices(c));
    return twimlResponse(element("Hangup"));
  })
  .on(METHODS, "/:account/:id/sms", takeInText)
  .on(METHODS, "/:account/:id/sms-fallback", takeInText)
  .on(METHODS, "/:account/:id/message-status", (c) => takeInCallback(c, "message"))
  .on(METHODS, "/:account/:id/recording", (c) => takeInCallback(c, "recording"));

/** If the number is not ours, or no longer, the caller hears so. After any other error Twilio calls the fallback. */
function politely(answerCall: (c: AppContext) => Promise<Response>) {
  return async (c: AppContext): Promise<Response> => {
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
  const { recording } = webhooksOf(publicBaseUrl, request.route);
  const urls = { recording, ...talkUrls(publicBaseUrl, request.route, call.callSid) };
  reportAfter(c, "voice", request);
  const now = new Date();
  const decide = (route: InboundRoute) => answer(route, call, urls, { hasModel: model !== null, now });
  return twimlResponse(...(await withinCallsPerDay(request.route, decide, requestServices(c))));
}

async function takeFallback(c: AppContext): Promise<Response> {
  const unverified = await readUnverified(c);
  const route = await lastResort(unverified, routeServices(c));
  if (!route) return twimlResponse(...unavailable());
  const parameters = parametersOf(unverified);
  const known = await routeOfPathOrPlain(c, route, (plain) => recall(plain, parameters, requestServices(c)));
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
  if (isRefused(request.route.accountReasons))
    afterAnswer(c, (services) => endRefusal(request.route, services));
  const { parameters } = request;
  const services = requestServices(c);
  const own = channel ? await onItsChannel(c, request.route, channel) : request.route;
  const route = await routeOfPath(c, own, (plain) => decide(plain, parameters, services));
  return { ...request, route };
}

/** The number's route on a channel. One that was added since the route was read must not lose its first text. */
async function onItsChannel(c: AppContext, route: TrustedRoute, channel: Channel): Promise<TrustedRoute> {
  if (c.req.param("outbound") !== undefined || route.channels.includes(channel)) return route;
  return onChannel((await loadRoute(route.phoneNumberId, "primary", routeServices(c))) ?? route, channel);
}

function reportAfter(
  c: AppContext,
  kind: WebhookKind,
  request: TrustedRequest,
  outcome: object | null = null,
): void {
  afterAnswer(c, (services) => reportEvent(kind, request, services, outcome));
  if (kind === "sms") afterAnswer(c, (services) => replyByText(request, services));
  if (request.isPromoted) afterAnswer(c, (services) => endRotation(request.route, services));
}

/** Waits a moment, so that none of this work, not even the sealing, delays the answer. */
function afterAnswer(c: AppContext, work: (services: Services) => Promise<void>): void {
  const services = requestServices(c);
  c.executionCtx.waitUntil(scheduler.wait(1).then(() => work(services)));
}
