import { phrasesIn } from "../agents/phrases.ts";
import { listenSeconds } from "../conversations/clock.ts";
import type { Reply } from "../conversations/gather.ts";
import type { Opening } from "../conversations/state.ts";
import { DAY_MS } from "../time.ts";
import { isWithheld } from "../twilio/e164.ts";
import { gatherLanguage, relayLanguage, say } from "../twilio/say.ts";
import { element, type Xml } from "../twilio/twiml.ts";
import { dial } from "./dial.ts";
import type { InboundAgent, InboundRoute } from "./route.ts";

// What a caller of an agent that talks by itself is connected with. No I/O here.

/** The URLs that such a call needs. */
export type TalkUrls = {
  connectAction: string;
  connectActionPlain: string;
  relay: string;
  gather: string;
  gatherWait: string;
};

const RELAY_REFUSED_MS = DAY_MS;

/** What is told to whoever leads a call. */
export function openingOf(
  route: InboundRoute,
  agent: InboundAgent,
  { callSid, from }: { callSid: string; from: string },
  patienceMs: number,
): Opening {
  const { apiKeyId, limits, accountSid, phoneNumber, externalId, label, metadata, outbound, refused } = route;
  const { id, systemPrompt, language, talk } = agent;
  // Nobody is put through to the number that he called.
  const transfer_numbers = talk.transfer_numbers.filter(
    (to) => to !== phoneNumber && to !== outbound?.to && !refused.includes(to),
  );
  return {
    ...{ apiKeyId, limits, accountSid, phoneNumber, externalId, label, metadata, callSid, patienceMs },
    from: outbound?.to ?? (isWithheld(from) ? "" : from),
    ...(outbound && { isOutbound: true as const }),
    greeting: greetingOf(route, agent),
    agent: { id, systemPrompt, language, talk: { ...talk, transfer_numbers } },
  };
}

/** What is said first, if the agent speaks first. Whoever is called gets no "How can I help?": the model begins. */
function greetingOf(
  { outbound }: InboundRoute,
  { welcomeMessage, language, talk }: InboundAgent,
): string | null {
  if (!talk.ai_speaks_first || welcomeMessage === "") return null;
  return welcomeMessage ?? (outbound ? null : phrasesIn(language).hello);
}

/** The beginning of a conversation: ConversationRelay, or Gather if Twilio refused that to the account within a day. */
export function talk(route: InboundRoute, agent: InboundAgent, urls: TalkUrls, now: Date): Xml[] {
  const { relayRefusedAt } = route;
  const greeting = greetingOf(route, agent);
  const isRefused = relayRefusedAt !== null && now.getTime() - Date.parse(relayRefusedAt) < RELAY_REFUSED_MS;
  const language = relayLanguage(agent.language);
  if (isRefused || language === undefined) {
    // The model begins: that is its first answer.
    if (greeting === null && agent.talk.ai_speaks_first)
      return [element("Redirect", { method: "POST" }, urls.gatherWait)];
    return [listen(greeting ?? "", listenSeconds(0, agent.talk.silence_hangup_seconds), agent, urls)];
  }
  const voice = agent.voiceId ?? undefined;
  return [connectRelay(greeting, { language, voice }, urls.connectAction, urls)];
}

/** Once more, after Twilio has refused the agent's voice or language: Twilio's own. */
export const talkPlainly = (route: InboundRoute, agent: InboundAgent, urls: TalkUrls): Xml[] => [
  connectRelay(greetingOf(route, agent), {}, urls.connectActionPlain, urls),
];

function connectRelay(
  greeting: string | null,
  spoken: { language?: string; voice?: string | undefined },
  action: string,
  { relay: url }: TalkUrls,
): Xml {
  const relay = element("ConversationRelay", {
    url,
    welcomeGreeting: greeting ?? undefined,
    ...spoken,
    dtmfDetection: "true",
    // An answer comes in place of the greeting, if the caller has not waited for its end.
    preemptible: "true",
    partialPrompts: "true",
    events: "speaker-events tokens-played",
    applicationReconnect: "true",
  });
  return element("Connect", { action, method: "POST" }, relay);
}

/** What a caller hears who is heard by Gather; undefined if it is the agent's fallback. */
export function replyVerbs(
  { say: words, next }: Reply,
  agent: InboundAgent,
  urls: TalkUrls,
  parties: { from: string; phoneNumber: string },
): Xml[] | undefined {
  const spoken = words === "" ? [] : [say(words, agent.language)];
  if (next === "wait") return [...spoken, element("Redirect", { method: "POST" }, urls.gatherWait)];
  if (next === "hang_up") return [...spoken, element("Hangup")];
  if (next === "fallback") return undefined;
  if ("listenSeconds" in next) return [listen(words, next.listenSeconds, agent, urls)];
  const transfer = dial(next.transferTo, parties, urls.connectAction);
  return transfer && [...spoken, transfer];
}

/** https://www.twilio.com/docs/voice/twiml/gather */
function listen(words: string, seconds: number, agent: InboundAgent, urls: TalkUrls): Xml {
  const attributes = {
    input: "speech dtmf",
    action: urls.gather,
    method: "POST",
    timeout: String(seconds),
    speechTimeout: "auto",
    language: gatherLanguage(agent.language),
    actionOnEmptyResult: "true",
  };
  return element("Gather", attributes, ...(words === "" ? [] : [say(words, agent.language)]));
}
