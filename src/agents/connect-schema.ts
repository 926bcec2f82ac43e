import * as z from "zod/mini";
import { flat, maxLength, minLength, pattern, satisfies } from "../http/schema.ts";

// How a call is connected to an agent's runtime, and what the caller hears if that fails. Attributes have TwiML's names
// (https://www.twilio.com/docs/voice/twiml/connect/conversationrelay); snake_case is accepted too.

const MAX_TEXT_LENGTH = 1_000;
const MAX_URL_LENGTH = 2_048;
const MAX_NAME_LENGTH = 64;
const MAX_ENTRIES = 20;
export const DIALABLE = /^(?:\+[1-9][0-9]{1,14}|sips?:[^\s<>"'&]{1,255})$/;

const text = z.string().check(minLength(1), maxLength(MAX_TEXT_LENGTH));
const optional = z.optional(text);
const flag = z.optional(z.boolean());
// Twilio documents some of these as a list of words, but its SDK has a boolean.
const textOrFlag = z.optional(z.union([text, z.boolean()]));
const textOrNumber = z.optional(z.union([text, z.number()]));

// The allowed hosts depend on the deployment; see `checkUrls` in urls.ts.
const url = z.string().check(maxLength(MAX_URL_LENGTH, "invalid_url"));

/** The customer's own parameters for the runtime, beside ours; see `answering/answer.ts`. */
const parameters = z.optional(
  flat(
    z.string().check(minLength(1), maxLength(MAX_NAME_LENGTH)),
    z.string().check(maxLength(MAX_TEXT_LENGTH)),
    MAX_ENTRIES,
  ),
);

export const isDialable = pattern(DIALABLE, "Send a number in E.164, or an address that begins with sip:.");
const dialable = z.string().check(isDialable);

const languages = z.optional(
  z
    .array(
      z.strictObject({
        code: text,
        ttsProvider: optional,
        voice: optional,
        transcriptionProvider: optional,
        speechModel: optional,
      }),
    )
    .check(maxLength(MAX_ENTRIES)),
);

const relayShape = {
  type: z.literal("conversation_relay"),
  url,
  welcomeGreeting: optional,
  welcomeGreetingInterruptible: textOrFlag,
  language: optional,
  ttsLanguage: optional,
  ttsProvider: optional,
  voice: optional,
  transcriptionLanguage: optional,
  transcriptionProvider: optional,
  speechModel: optional,
  interruptible: textOrFlag,
  interruptSensitivity: optional,
  dtmfDetection: flag,
  reportInputDuringAgentSpeech: textOrFlag,
  preemptible: flag,
  hints: optional,
  debug: optional,
  elevenlabsTextNormalization: optional,
  intelligenceService: optional,
  partialPrompts: flag,
  profanityFilter: flag,
  events: optional,
  // Twilio's reference writes these in camelCase, and its SDK in small letters. We send each as the customer wrote it.
  deepgramSmartFormat: textOrFlag,
  deepgramsmartformat: textOrFlag,
  backgroundNoiseReduction: textOrFlag,
  backgroundnoisereduction: textOrFlag,
  ignoreBackchannel: textOrFlag,
  ignorebackchannel: textOrFlag,
  speechTimeout: textOrNumber,
  speechtimeout: textOrNumber,
  applicationReconnect: flag,
  languages,
  // https://www.twilio.com/docs/voice/conversationrelay/provider-failover; without languages, Twilio's own backups.
  failover: z.optional(z.strictObject({ languages })),
  parameters,
};

// Twilio adds attributes without notice, so we pass unknown ones on unchanged. The type has only the known ones.
const conversationRelay = z
  .catchall(z.object(relayShape), z.union([text, z.boolean(), z.number()]))
  .check(
    satisfies((attributes: object) => hasFitNames(Object.keys(attributes))),
  ) as unknown as z.ZodMiniObject<typeof relayShape>;

const stream = z.strictObject({
  type: z.literal("stream"),
  // Twilio removes the query from a stream's URL, so use parameters instead.
  url: url.check(satisfies((value: string) => !value.includes("?"), "invalid_url")),
  name: optional,
  parameters,
});

/** The agent talks by itself. */
const builtin = z.strictObject({ type: z.literal("builtin") });
const redirect = z.strictObject({ type: z.literal("redirect"), url });
const dial = z.strictObject({ type: z.literal("dial"), number: dialable });
const sayText = z.strictObject({ type: z.literal("say"), text });

/** `connect` of an agent. */
export const connectSchema = z.pipe(
  z.transform(withCamelCaseNames),
  z.discriminatedUnion("type", [conversationRelay, stream, redirect, dial, builtin]),
);

/** `fallback` of an agent. */
export const fallbackSchema = z.pipe(
  z.transform(withCamelCaseNames),
  z.discriminatedUnion("type", [sayText, dial]),
);

export type Connect = z.output<typeof connectSchema>;
export type ConversationRelay = z.output<typeof conversationRelay>;
export type Fallback = z.output<typeof fallbackSchema>;

const ATTRIBUTE_NAME = /^[A-Za-z][A-Za-z0-9]{0,63}$/;
const KNOWN: ReadonlySet<string> = new Set(Object.keys(relayShape));
const KNOWN_IN_SMALL_LETTERS: ReadonlySet<string> = new Set([...KNOWN].map((name) => name.toLowerCase()));

/**
 * Whether all attributes may be sent: XML allows their names, not too many are unknown, no known attribute avoids its
 * validation with another spelling, and no attribute is there in two spellings.
 */
function hasFitNames(names: readonly string[]): boolean {
  const unknown = names.filter((name) => !KNOWN.has(name));
  return (
    unknown.length <= MAX_ENTRIES &&
    new Set(names.map((name) => name.toLowerCase())).size === names.length &&
    unknown.every((name) => ATTRIBUTE_NAME.test(name) && !KNOWN_IN_SMALL_LETTERS.has(name.toLowerCase()))
  );
}

/** Turns `tts_provider` into `ttsProvider`, in the object and in its languages. Names of parameters stay the same. */
function withCamelCaseNames(input: unknown): unknown {
  if (typeof input !== "object" || input === null || Array.isArray(input)) return input;
  return Object.fromEntries(
    Object.entries(input)
      // null counts as absent, as everywhere in this API.
      .filter(([, value]) => value !== null)
      .map(([name, value]) => [
        camelCase(name),
        name === "languages" && Array.isArray(value)
          ? value.map(withCamelCaseNames)
          : name === "failover"
            ? withCamelCaseNames(value)
            : value,
      ]),
  );
}

export function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
