import { isWithheld } from "../twilio/e164.ts";
import type { Dialogue } from "./dialogue.ts";
import type { Frame } from "./frames.ts";
import type { RelaySocket } from "./socket.ts";
import { playedAfter } from "./speech.ts";
import { modelBegins, type State, sent } from "./state.ts";

const KEYS_PAUSE_MS = 2_000;
const MAX_KEYS = 32;
const MAX_FROM_LENGTH = 100;

/** What Twilio says in a ConversationRelay session, and what follows from it. */
export class Relay {
  #keys = "";
  #keysTimer: ReturnType<typeof setTimeout> | null = null;
  readonly #dialogue: Dialogue;
  readonly #socket: RelaySocket;
  readonly #run: (work: () => Promise<void>) => void;

  /** @param run does what is due later, and what it fails with is not lost */
  constructor(dialogue: Dialogue, socket: RelaySocket, run: (work: () => Promise<void>) => void) {
    this.#dialogue = dialogue;
    this.#socket = socket;
    this.#run = run;
  }

  async take(frame: Frame, state: State): Promise<void> {
    const now = Date.now();
    switch (frame.type) {
      case "setup":
        return this.#setUp(frame, state);
      case "played":
        return this.#socket.note({
          played: playedAfter(state.speech, this.#dialogue.hearing, frame.text),
          voiceAt: now,
        });
      case "voice":
        return this.#socket.note({ isVoiceOff: !frame.isOn, voiceAt: now });
      case "caller":
        return this.#noteCaller(frame.isSpeaking);
      case "interrupt":
        this.#noteCaller();
        this.#dialogue.stop();
        this.#dialogue.settle({ utterance: frame.heard });
        return this.#dialogue.keep();
      case "prompt":
        this.#noteCaller();
        // Keys that wait for a pause were pressed before these words.
        return this.#dialogue.respond(...this.#takeKeys(), frame.text);
      case "dtmf":
        this.#noteCaller();
        return this.#press(frame.digit);
      case "error":
        return this.#dialogue.around.log.warn("relay_error", {
          agent_id: state.opening.agent.id,
          description: frame.description,
        });
    }
  }

  async #setUp(frame: Extract<Frame, { type: "setup" }>, state: State): Promise<void> {
    const { callSid, accountSid, isOutbound, from } = state.opening;
    // The handshake is signed for this call; Twilio's older page has no account in this message.
    if (frame.callSid !== callSid || (frame.accountSid && frame.accountSid !== accountSid))
      return this.#socket.refuse();
    this.#socket.isSetUp = true;
    if (state.relayStarted) return;
    const caller = isWithheld(frame.from) ? "" : frame.from.slice(0, MAX_FROM_LENGTH);
    const opening = { ...state.opening, from: isOutbound ? from : caller };
    // Twilio begins to say the greeting.
    this.#dialogue.state = sent({ ...state, opening, relayStarted: true }, Date.now(), true);
    await (modelBegins(opening) ? this.#dialogue.respond() : this.#dialogue.keep());
  }

  #noteCaller(isSpeaking?: boolean): void {
    const speaking = isSpeaking === undefined ? {} : { isCallerSpeaking: isSpeaking };
    this.#socket.note({ callerAt: Date.now(), hasAskedIfThere: false, ...speaking });
    // Whoever speaks is not silent, though they begin when the goodbye does.
    const { state } = this.#dialogue;
    if (isSpeaking !== false && state?.ended?.reason === "silence_timeout")
      this.#dialogue.state = { ...state, ended: null };
  }

  /** Keys come one by one; the model hears of them once the caller pauses, or ends them with `#`. */
  #press(key: string): void {
    this.#keys = (this.#keys + key).slice(0, MAX_KEYS);
    if (this.#keysTimer !== null) clearTimeout(this.#keysTimer);
    const submit = () => this.#run(() => this.#dialogue.respond(...this.#takeKeys()));
    this.#keysTimer = setTimeout(submit, key === "#" ? 0 : KEYS_PAUSE_MS);
  }

  /** What was pressed and is not told yet, in words; nothing if there is none. */
  #takeKeys(): string[] {
    if (this.#keysTimer !== null) clearTimeout(this.#keysTimer);
    const keys = this.#keys.replace(/(?<=.)#$/, "");
    this.#keys = "";
    return keys === "" ? [] : [pressed(keys)];
  }
}

/** How the model hears of keys. */
export const pressed = (keys: string): string => `(The caller pressed ${keys} on the keypad.)`;
