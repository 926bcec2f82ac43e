import type { Reply } from "../conversations/call.ts";
import { phrasesIn } from "../conversations/phrases.ts";
import type { Opening } from "../conversations/state.ts";
import { DAY_MS } from "../time.ts";
import { say, sayLanguage } from "../twilio/say.ts";
import { dialled, element, type Xml } from "../twilio/twiml.ts";
import type { InboundAgent, InboundRoute } from "./route.ts";

// What a caller of an agent that talks by itself is connected with. No I/O here.

/** The URLs that such a call needs. */
export type TalkUrls = { connectAction: string; relay: string; gather: string; gatherWait: string };

const RELAY_REFUSED_MS = DAY_MS;
// Twilio's longest wait for a caller who says nothing, before we decide what follows.
const MAX_GATHER_SECONDS = 15;
/** Twilio did not get through to us; that says nothing of the account. https://www.twilio.com/docs/api/errors/64102 */
const OUR_FAULT: ReadonlySet<string> = new Set(["64102", "39001"]);

/** Whether the agent leads its calls itself, if there is a model. */
export function isBuiltin({ connect }: InboundAgent): boolean {
  return connect === null || connect.type === "builtin";
}

/** Whether the failure of a session that never began means that the account has no ConversationRelay. */
export function isRelayRefusal(parameters: URLSearchParams): boolean {
  return parameters.get("SessionStatus") === "failed" && !OUR_FAULT.has(parameters.get("ErrorCode") ?? "");
}

/** What is told to the object of a call. */
export function openingOf(
  { apiKeyId, accountSid, phoneNumberId, phoneNumber, outbound }: InboundRoute,
  { id, systemPrompt, welcomeMessage, language, talk }: InboundAgent,
  call: { callSid: string; from: string },
  patienceMs: number,
): Opening {
  const agent = { id, systemPrompt, welcomeMessage, language, talk };
  const other = outbound && { isOutbound: true as const, from: outbound.to };
  return { apiKeyId, accountSid, phoneNumberId, phoneNumber, ...call, ...other, agent, patienceMs };
}

/** The beginning of a conversation: ConversationRelay, or Gather if Twilio refused that to the account within a day. */
export function talk(route: InboundRoute, agent: InboundAgent, urls: TalkUrls, now: Date): Xml[] {
  const { relayRefusedAt } = route;
  const greeting = agent.welcomeMessage ?? phrasesIn(agent.language).hello;
  if (relayRefusedAt !== null && now.getTime() - Date.parse(relayRefusedAt) < RELAY_REFUSED_MS) {
    return [listen(greeting, agent, urls)];
  }
  const relay = element("ConversationRelay", {
    url: urls.relay,
    welcomeGreeting: greeting,
    language: sayLanguage(agent.language),
    voice: agent.voiceId ?? undefined,
    dtmfDetection: "true",
    events: "tokens-played",
  });
  return [element("Connect", { action: urls.connectAction, method: "POST" }, relay)];
}

/** What a caller hears who is heard by Gather; undefined if it is the agent's fallback. */
export function replyVerbs(
  { say: words, next }: Reply,
  agent: InboundAgent,
  urls: TalkUrls,
): Xml[] | undefined {
  const spoken = words === "" ? [] : [say(words, agent.language)];
  if (next === "listen") return [listen(words, agent, urls)];
  if (next === "wait") return [...spoken, element("Redirect", { method: "POST" }, urls.gatherWait)];
  if (next === "hang_up") return [...spoken, element("Hangup")];
  if (next === "fallback") return undefined;
  const { connectAction: action } = urls;
  const dial = element("Dial", { action, method: "POST", answerOnBridge: "true" }, dialled(next.transferTo));
  return [...spoken, dial];
}

/** https://www.twilio.com/docs/voice/twiml/gather */
function listen(words: string, agent: InboundAgent, urls: TalkUrls): Xml {
  const attributes = {
    input: "speech dtmf",
    action: urls.gather,
    method: "POST",
    timeout: String(Math.min(agent.talk.silence_hangup_seconds, MAX_GATHER_SECONDS)),
    speechTimeout: "auto",
    language: sayLanguage(agent.language),
    actionOnEmptyResult: "true",
  };
  return element("Gather", attributes, ...(words === "" ? [] : [say(words, agent.language)]));
}
