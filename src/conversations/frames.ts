import { parseObject } from "../http/json.ts";

// What Twilio says in a ConversationRelay session.
// https://www.twilio.com/docs/voice/conversationrelay/websocket-messages

export type Frame =
  | { type: "setup"; callSid: string; accountSid: string; from: string }
  | { type: "prompt"; text: string }
  | { type: "interrupt"; heard: string }
  | { type: "dtmf"; digit: string }
  /** Some text has been spoken to its end. */
  | { type: "played"; text: string }
  /** The agent's voice began or stopped. */
  | { type: "voice"; isOn: boolean }
  /** The caller speaks, begins to or stops. */
  | { type: "caller"; isSpeaking?: boolean }
  | { type: "error"; description: string }
  | { type: "other" };

/** Far more than a caller says at once. */
export const MAX_FRAME_LENGTH = 64 * 1024;

/** @returns null for what Twilio would never send */
export function readFrame(data: string | ArrayBuffer): Frame | null {
  if (typeof data !== "string") return null;
  const message = parseObject(data);
  if (message === null) return null;
  const text = (name: string) => (typeof message[name] === "string" ? (message[name] as string) : "");
  switch (message.type) {
    case "setup":
      return { type: "setup", callSid: text("callSid"), accountSid: text("accountSid"), from: text("from") };
    case "prompt":
      // Of a sentence that goes on, the whole comes later.
      if (message.last === false) return { type: "caller" };
      if (text("voicePrompt").trim() === "") return { type: "other" };
      return { type: "prompt", text: text("voicePrompt").trim() };
    case "interrupt":
      return { type: "interrupt", heard: text("utteranceUntilInterrupt") };
    case "dtmf":
      return /^[0-9*#A-D]$/.test(text("digit")) ? { type: "dtmf", digit: text("digit") } : { type: "other" };
    case "info":
      return readInfo(text("name"), message.value ?? message.text);
    case "error":
      // Behind the first colon it may quote what was said, which no log has.
      return {
        type: "error",
        description: /^[^:{"]*/.exec(text("description").slice(0, 200))?.[0].trim() ?? "",
      };
    default:
      // Twilio adds types without notice.
      return typeof message.type === "string" ? { type: "other" } : null;
  }
}

/** Twilio's reference has the names of these and not their contents: words and booleans have been seen. */
function readInfo(name: string, value: unknown): Frame {
  const isOn = value === true || value === "on" || value === "true";
  if (name === "tokensPlayed" && typeof value === "string") return { type: "played", text: value };
  if (name === "agentSpeaking") return { type: "voice", isOn };
  if (name === "clientSpeaking") return { type: "caller", isSpeaking: isOn };
  return { type: "other" };
}
