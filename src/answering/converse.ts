import { isBuiltin } from "../agents/connect.ts";
import type { Outcome } from "../conversations/conversation.ts";
import type { Input, Reply } from "../conversations/gather.ts";
import { pressed } from "../conversations/relay.ts";
import type { AppContext } from "../http/context.ts";
import { ApiError } from "../http/errors.ts";
import { errorFields } from "../http/log.ts";
import { configuredModel } from "../model/configured.ts";
import { requestServices, type Services } from "../services.ts";
import { CALL_SID } from "../twilio/call-sid.ts";
import type { Xml } from "../twilio/twiml.ts";
import { relayUrl, webhooksOf } from "../twilio/webhook-urls.ts";
import { fallback, isInService, isUnreached } from "./answer.ts";
import { recallAnswer } from "./ask-first.ts";
import { routeOfPath } from "./outbound.ts";
import { withinCallsPerDay } from "./put-through.ts";
import { namedCall } from "./relay-pass.ts";
import type { InboundAgent, InboundRoute } from "./route.ts";
import { faultOf } from "./session-fault.ts";
import { openingOf, replyVerbs, type TalkUrls, talkPlainly } from "./talking.ts";
import { type TrustedRequest, trustHandshake } from "./trusted-request.ts";
import { relayRefused, voiceRefused } from "./unusable.ts";

// Calls that an agent leads by itself, from the Worker's side: a session is here, each other step goes to the call's object.

/** The agent of a route, if it leads its calls by itself here. */
export function talkingAgent(route: InboundRoute | null, hasModel: boolean): InboundAgent | undefined {
  const agent = route?.agent;
  return hasModel && route && agent && isInService(route) && isBuiltin(agent.connect) ? agent : undefined;
}

export async function talkUrls(
  route: InboundRoute,
  callSid: string,
  services: Pick<Services, "publicBaseUrl" | "ids" | "now">,
): Promise<TalkUrls> {
  const { publicBaseUrl } = services;
  const urls = webhooksOf(publicBaseUrl, route, route.outbound?.id);
  return { ...urls, relay: relayUrl(publicBaseUrl, route, await namedCall(route, callSid, services)) };
}

/** Opens a session of ConversationRelay, for the call that its URL names. */
export async function openRelay(c: AppContext): Promise<Response> {
  const [callSid = ""] = (c.get("called").callSid ?? "").split(".");
  const services = requestServices(c);
  const route = await routeOfPath(c, await trustHandshake(c), (plain) =>
    recallAnswer(plain, callSid, services),
  );
  const agent = talkingAgent(route, services.model.isConfigured);
  const isUpgrade = c.req.header("upgrade")?.toLowerCase() === "websocket";
  if (!agent || !isUpgrade || !CALL_SID.test(callSid)) throw new ApiError("not_found");
  // The caller is not known here; Twilio says who it is once the socket is open.
  const opening = openingOf(route, agent, { callSid, from: "" }, services.model.timeoutMs);
  const host = {
    services,
    model: () => configuredModel(c.get("config").model, c.env),
    object: () => objectOf(route.phoneNumberId, callSid, services),
  };
  const { Session } = await import("../conversations/session.ts");
  const webSocket = await Session.open(opening, host).catch(() => Session.open(opening, host));
  if (!webSocket) throw new ApiError("not_found");
  return new Response(null, { status: 101, webSocket });
}

/** One turn of a call that is heard by Gather. */
export function gatherTurn(c: AppContext, request: TrustedRequest, isWaiting: boolean): Promise<Xml[]> {
  const { parameters } = request;
  const words = parameters.get("SpeechResult")?.trim() ?? "";
  const digits = parameters.get("Digits") ?? "";
  const said = words || (digits === "" ? "" : pressed(digits.slice(0, 32)));
  const input: Input = isWaiting ? "wait" : said === "" ? "silence" : { heard: said };
  return reply(c, request.route, parameters, (object, opening) => object.gather(opening, input));
}

/** What becomes of a call whose `<Connect>` is over. @param isPlain it had neither the agent's voice nor its language */
export async function closeConversation(
  c: AppContext,
  route: InboundRoute,
  parameters: URLSearchParams,
  isPlain: boolean,
): Promise<Xml[]> {
  const services = requestServices(c);
  const { log, defer } = services;
  const { agent, accountSid } = route;
  const fault = faultOf(parameters);
  const code = parameters.get("ErrorCode")?.slice(0, 20) ?? "";
  if (parameters.get("SessionStatus") === "failed")
    log.info("session_failed", { account_sid: accountSid, agent_id: agent?.id, fault, twilio_code: code });
  if (fault === "account") defer(relayRefused(route, code, services));
  if (fault === "agent" && agent && !isPlain) {
    defer(voiceRefused(route, code, services));
    return talkPlainly(route, agent, await talkUrls(route, parameters.get("CallSid") ?? "", services));
  }
  return reply(c, route, parameters, (object, opening) => object.closed(opening, isUnreached(parameters)));
}

type Ask = (
  object: Awaited<ReturnType<typeof objectOf>>,
  opening: ReturnType<typeof openingOf>,
) => Promise<Reply>;

/**
 * Asks the call's object. One that was restarted in mid-call is asked to have the caller say it again; if it cannot be asked,
 * the caller gets the agent's fallback.
 */
async function reply(
  c: AppContext,
  route: InboundRoute,
  parameters: URLSearchParams,
  ask: Ask,
): Promise<Xml[]> {
  const services = requestServices(c);
  const agent = talkingAgent(route, services.model.isConfigured);
  const callSid = parameters.get("CallSid") ?? "";
  const from = parameters.get("From") ?? "";
  const fallBack = () => withinCallsPerDay(route, (allowed) => fallback(allowed, from), services);
  if (!agent || !CALL_SID.test(callSid)) return fallBack();
  const opening = openingOf(route, agent, { callSid, from }, services.model.timeoutMs);
  const urls = await talkUrls(route, callSid, services);
  const askedBy = async (how: Ask) => how(await objectOf(route.phoneNumberId, callSid, services), opening);
  const lost = (error: unknown) =>
    services.log.warn("conversation_lost", { agent_id: agent.id, ...errorFields(error) });
  try {
    const answer = await askedBy(ask).catch((error: unknown) => {
      lost(error);
      return askedBy((object) => object.gather(opening, "lost"));
    });
    const { phoneNumber } = route;
    return replyVerbs(answer, agent, urls, { from, phoneNumber }) ?? (await fallBack());
  } catch (error) {
    lost(error);
    return fallBack();
  }
}

/** What the object of a call knows of its end, for its event. Nothing, if the call was not led here. */
export async function callOutcome(
  route: InboundRoute,
  parameters: URLSearchParams,
  services: Services,
): Promise<Outcome | null> {
  const callSid = parameters.get("CallSid") ?? "";
  // The agent may have been deleted, or put out of service, while it talked.
  const mayHaveTalked = services.model.isConfigured && (!route.agent || isBuiltin(route.agent.connect));
  if (!mayHaveTalked || !CALL_SID.test(callSid)) return null;
  const ask = async () => (await objectOf(route.phoneNumberId, callSid, services)).outcome();
  try {
    return await ask().catch(ask);
  } catch (error) {
    services.log.warn("outcome_unknown", errorFields(error));
    return null;
  }
}

function objectOf(phoneNumberId: string, callSid: string, { objects }: Services) {
  return objects.conversation(phoneNumberId, callSid);
}
