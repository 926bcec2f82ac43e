import { said, told } from "../agents/fill.ts";
import { type CallBrief, openBrief } from "../call-log/attempt.ts";
import type { AppContext } from "../http/context.ts";
import { ApiError } from "../http/errors.ts";
import { errorFields } from "../http/log.ts";
import { isId } from "../ids.ts";
import { requestServices } from "../services.ts";
import type { InboundAgent, InboundRoute, PlacedCall } from "./route.ts";

// Calls that this service has placed. Their webhooks have the call's id in the path; the callee gets what a caller gets,
// with what the call was placed with.

/**
 * The route of the call that the path names; the number's own route if the path names none. Either is filled in.
 *
 * @param decide what the customer has said of a call that came in
 * @throws ApiError `not_found`
 * @throws StorageError, VaultError
 */
export async function routeOfPath<Route extends InboundRoute>(
  c: AppContext,
  route: Route,
  decide: (route: Route) => Promise<Route>,
): Promise<Route> {
  const { callId: id } = c.get("called");
  // Without an inbound_url nothing is waited for.
  if (id === undefined) return filled(route.agent?.talk.inbound_url ? await decide(route) : route);
  const { callLogs, vault } = requestServices(c);
  const found = isId("call", id) ? await callLogs.findBrief(route.apiKeyId, id) : null;
  if (!found) throw new ApiError("not_found");
  const brief = await openBrief(vault, id, found.briefSealed);
  if (brief.from !== route.phoneNumber) throw new ApiError("not_found");
  return filled(placed(route, { id, ...brief, ...found }, brief));
}

/** The same for a request that must be answered: without its brief the call gets what a caller gets. */
export async function routeOfPathOrPlain<Route extends InboundRoute>(
  c: AppContext,
  route: Route,
  decide: (route: Route) => Promise<Route>,
): Promise<Route> {
  try {
    return await routeOfPath(c, route, decide);
  } catch (error) {
    c.get("log").warn("brief_not_read", errorFields(error));
    return filled({ ...route, inboundEnabled: true });
  }
}

function placed<Route extends InboundRoute>(
  route: Route,
  { id, to, welcomeMessage, voicemail }: PlacedCall,
  brief: CallBrief,
): Route {
  const agent = route.agent && briefed(route.agent, brief);
  const outbound = { id, to, welcomeMessage, voicemail };
  const dynamicVars = { ...route.dynamicVars, ...brief.dynamicVars };
  // Whether a number takes calls says nothing of the calls that it makes.
  return { ...route, inboundEnabled: true, agent, outbound, dynamicVars };
}

/** The agent for this call. @internal */
export function briefed(
  agent: InboundAgent,
  { prompt, welcomeMessage, aiSpeaksFirst, voicemailMessage }: Omit<CallBrief, "dynamicVars">,
): InboundAgent {
  return {
    ...agent,
    systemPrompt: [agent.systemPrompt, prompt].filter(Boolean).join("\n\n") || null,
    welcomeMessage: welcomeMessage ?? agent.welcomeMessage,
    talk: { ...agent.talk, ai_speaks_first: aiSpeaksFirst ?? agent.talk.ai_speaks_first },
    voicemailMessage,
  };
}

/** The route for one request: the names in all that its agent says and is told are filled in. */
export function filled<Route extends InboundRoute>(route: Route): Route {
  const { agent, outbound, dynamicVars } = route;
  if (!agent) return route;
  const { connect, fallback } = agent;
  return {
    ...route,
    agent: {
      ...agent,
      systemPrompt: told(agent.systemPrompt, dynamicVars) || null,
      smsPrompt: told(agent.smsPrompt, dynamicVars) || null,
      // Empty from the beginning it is silence, but not if nothing is left of it.
      welcomeMessage: said(agent.welcomeMessage, dynamicVars) || (agent.welcomeMessage && null),
      voicemailMessage: said(agent.voicemailMessage ?? null, dynamicVars),
      ...(fallback?.type === "say" && {
        fallback: { ...fallback, text: said(fallback.text, dynamicVars) ?? "" },
      }),
      ...(connect?.type === "conversation_relay" && {
        connect: {
          ...connect,
          welcomeGreeting: said(connect.welcomeGreeting ?? null, dynamicVars) || undefined,
        },
      }),
    },
    ...(outbound && {
      outbound: { ...outbound, welcomeMessage: said(outbound.welcomeMessage, dynamicVars) || null },
    }),
  };
}
