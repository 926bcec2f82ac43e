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
 * The route of the call that the path names; the number's own route if the path names none.
 *
 * @throws ApiError `not_found`
 * @throws StorageError, VaultError
 */
export async function routeOfPath<Route extends InboundRoute>(c: AppContext, route: Route): Promise<Route> {
  const id = c.req.param("outbound");
  if (id === undefined) return route;
  const { callLogs, vault } = requestServices(c);
  const found = isId("call", id) ? await callLogs.findBrief(route.apiKeyId, id) : null;
  if (!found) throw new ApiError("not_found");
  const brief = await openBrief(vault, id, found.briefSealed);
  if (brief.from !== route.phoneNumber) throw new ApiError("not_found");
  return placed(route, { id, ...brief, ...found }, brief);
}

/** The same for a request that must be answered: without its brief the call gets what a caller gets. */
export async function routeOfPathOrPlain<Route extends InboundRoute>(
  c: AppContext,
  route: Route,
): Promise<Route> {
  try {
    return await routeOfPath(c, route);
  } catch (error) {
    c.get("log").warn("brief_not_read", errorFields(error));
    return { ...route, inboundEnabled: true };
  }
}

function placed<Route extends InboundRoute>(
  route: Route,
  { id, to, dynamicVars, voicemail }: PlacedCall,
  brief: CallBrief,
): Route {
  const agent = route.agent && briefed(route.agent, brief);
  const welcomeMessage = brief.welcomeMessage === null ? null : (agent?.welcomeMessage ?? null);
  const outbound = { id, to, dynamicVars, welcomeMessage, voicemail };
  // Whether a number takes calls says nothing of the calls that it makes.
  return { ...route, inboundEnabled: true, agent, outbound };
}

/** The agent for this call. @internal */
export function briefed(
  agent: InboundAgent,
  { prompt, dynamicVars, welcomeMessage, aiSpeaksFirst, voicemailMessage }: CallBrief,
): InboundAgent {
  const fill = (text: string | null) => text && filled(text, dynamicVars);
  const systemPrompt = [agent.systemPrompt, prompt].filter(Boolean).join("\n\n");
  return {
    ...agent,
    systemPrompt: fill(systemPrompt) || null,
    welcomeMessage: fill(welcomeMessage ?? agent.welcomeMessage) || null,
    talk: { ...agent.talk, ai_speaks_first: aiSpeaksFirst ?? agent.talk.ai_speaks_first },
    voicemailMessage: fill(voicemailMessage) || null,
  };
}

/** `{{name}}` becomes the variable's value, and nothing if there is none: nobody wants to hear braces. @internal */
export function filled(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replace(/\{\{\s*([A-Za-z_][A-Za-z0-9_.-]*)\s*\}\}/g, (_, name: string) =>
    Object.hasOwn(variables, name) ? (variables[name] ?? "") : "",
  );
}
