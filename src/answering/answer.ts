import { isBuiltin } from "../agents/connect.ts";
import type { Connect, ConversationRelay, Fallback } from "../agents/connect-schema.ts";
import { DEFAULT_WELCOME, UNAVAILABLE } from "../agents/phrases.ts";
import { DEFAULT_LANGUAGE } from "../agents/talk.ts";
import { isWithheld } from "../twilio/e164.ts";
import { relayLanguage, say, sayLanguage } from "../twilio/say.ts";
import { element, type Xml } from "../twilio/twiml.ts";
import { dial } from "./dial.ts";
import type { InboundAgent, InboundRoute } from "./route.ts";
import { type TalkUrls, talk } from "./talking.ts";

// Decides what a caller hears. No I/O here.

/** What we know about a call when we answer it. */
export type Call = { callSid: string; from: string };

/** The URLs that the TwiML of a call names. */
export type CallUrls = TalkUrls & { recording: string };

/** Whether the number's agent takes calls and texts. */
export function isInService({ inboundEnabled, agent }: InboundRoute): boolean {
  return inboundEnabled && agent?.isActive === true;
}

/**
 * The first answer to a call: the agent's runtime, the agent itself if there is a model, its welcome message, or a polite
 * refusal.
 */
export function answer(
  route: InboundRoute,
  call: Call,
  urls: CallUrls,
  { hasModel, now }: { hasModel: boolean; now: Date },
): Xml[] {
  const { agent } = route;
  if (!agent || !isInService(route)) return unavailable();
  // https://www.twilio.com/docs/voice/twiml/reject
  if (route.reject) return [element("Reject", { reason: route.reject })];
  if (isBuiltin(agent.connect) && !hasModel) {
    const welcome = agent.welcomeMessage ?? DEFAULT_WELCOME;
    return [...(welcome === "" ? [] : [say(welcome, agent.language)]), element("Hangup")];
  }
  const verbs = isBuiltin(agent.connect)
    ? talk(route, agent, urls, now)
    : connectVerbs(agent.connect, { route, agent, call, urls });
  if (!verbs) return fallback(route, call.from);
  return agent.record ? [recording(urls), ...verbs] : verbs;
}

/** The answer if the agent's runtime cannot be reached. */
export function fallback(route: InboundRoute, from: string): Xml[] {
  const wanted = isInService(route) ? route.agent?.fallback : undefined;
  return (wanted && fallbackVerbs(wanted, route, from)) ?? unavailable();
}

/** The polite refusal. It needs no route. */
export function unavailable(): Xml[] {
  return [say(UNAVAILABLE, DEFAULT_LANGUAGE), element("Hangup")];
}

/**
 * Whether the call did not reach the agent, from what Twilio sends to the `action` of `<Connect>` or `<Dial>`.
 * https://www.twilio.com/docs/voice/twiml/connect/conversationrelay, https://www.twilio.com/docs/voice/twiml/dial
 */
export function isUnreached(parameters: URLSearchParams): boolean {
  const dialed = parameters.get("DialCallStatus");
  if (dialed !== null) return ["busy", "no-answer", "failed", "canceled"].includes(dialed);
  return (
    parameters.get("SessionStatus") === "failed" ||
    Boolean(parameters.get("ErrorCode")) ||
    Boolean(parameters.get("StreamError"))
  );
}

function fallbackVerbs(
  wanted: Fallback,
  { phoneNumber, agent, refused }: InboundRoute,
  from: string,
): Xml[] | undefined {
  if (wanted.type === "say") {
    // Nothing may be left of it once it is filled in.
    if (wanted.text === "") return undefined;
    return [say(wanted.text, agent?.language ?? DEFAULT_LANGUAGE), element("Hangup")];
  }
  const verb = dial(wanted.number, { from, phoneNumber, refused });
  return verb && [verb];
}

type Connection = { route: InboundRoute; agent: InboundAgent; call: Call; urls: CallUrls };

function connectVerbs(
  connect: Exclude<Connect, { type: "builtin" }>,
  connection: Connection,
): Xml[] | undefined {
  const action = connection.urls.connectAction;
  switch (connect.type) {
    case "conversation_relay":
      return [element("Connect", { action, method: "POST" }, conversationRelay(connect, connection))];
    case "stream": {
      const { url, name } = connect;
      const children = parameters(connect.parameters, connection);
      return [element("Connect", { action, method: "POST" }, element("Stream", { url, name }, ...children))];
    }
    case "redirect":
      return [element("Redirect", { method: "POST" }, connect.url)];
    case "dial": {
      const { route, call } = connection;
      const verb = dial(connect.number, { ...route, from: call.from }, action);
      return verb && [verb];
    }
  }
}

/** If `connect` has no greeting or language, the agent's welcome message and language are used. */
function conversationRelay(connect: ConversationRelay, connection: Connection): Xml {
  const { type: _, languages = [], failover, parameters: own, ...attributes } = connect;
  const { welcomeMessage, language, talk: settings } = connection.agent;
  const greeting = connection.route.outbound?.welcomeMessage ?? attributes.welcomeGreeting;
  return element(
    "ConversationRelay",
    texts({
      ...attributes,
      welcomeGreeting: greeting ?? ((settings.ai_speaks_first && welcomeMessage) || undefined),
      language: attributes.language ?? relayLanguage(language) ?? sayLanguage(language),
    }),
    ...languages.map(languageOf),
    ...(failover ? [element("Failover", {}, ...(failover.languages ?? []).map(languageOf))] : []),
    ...parameters(own, connection),
  );
}

const languageOf = (entry: Record<string, string | undefined>): Xml => element("Language", entry);

/**
 * `<Parameter>`s tell the runtime which agent, number and call it serves. Ours come last, so that they replace the
 * agent's.
 */
function parameters(own: Record<string, string> = {}, { route, agent, call }: Connection): Xml[] {
  const { outbound, dynamicVars, label, externalId } = route;
  const all = {
    ...own,
    ...dynamicVars,
    ...(outbound && { direction: "outbound", to: outbound.to }),
    ...(label !== null && { label }),
    ...(externalId !== null && { external_id: externalId }),
    agent_id: agent.id,
    phone_number: route.phoneNumber,
    call_id: call.callSid,
    from: isWithheld(call.from) ? "unknown" : call.from,
  };
  return Object.entries(all).map(([name, value]) => element("Parameter", { name, value }));
}

/**
 * `<Start>` does not block, so it must come before the verbs that do. https://www.twilio.com/docs/voice/twiml/recording
 */
function recording({ recording: url }: CallUrls): Xml {
  return element(
    "Start",
    {},
    element("Recording", {
      recordingStatusCallback: url,
      recordingStatusCallbackMethod: "POST",
      recordingStatusCallbackEvent: "completed absent",
    }),
  );
}

function texts(
  attributes: Record<string, string | boolean | number | undefined>,
): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [name, value === undefined ? value : String(value)]),
  );
}
