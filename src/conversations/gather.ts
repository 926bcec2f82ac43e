import { listenSeconds, planSilence } from "./clock.ts";
import type { Dialogue } from "./dialogue.ts";
import { answerIn, heardAt } from "./speech.ts";
import { modelBegins, type State, sent } from "./state.ts";

/** What to say to a caller who is heard by `<Gather>`, and what comes after. */
export type Reply = {
  say: string;
  next: { listenSeconds: number } | "wait" | "hang_up" | "fallback" | { transferTo: string };
};

/**
 * What the caller did. `wait` asks for the answer that was not ready before, or for the agent's first words; `lost` that
 * the caller be asked to say it again.
 */
export type Input = { heard: string } | "silence" | "wait" | "lost";

// Twilio waits 15 seconds for an answer; a caller hears nothing meanwhile.
const GATHER_SHARE = 0.5;

/** A call that is heard by `<Gather>`: one request a turn. An answer is composed first, and spoken as a whole. */
export class Gather {
  #answer: Promise<void> | null = null;
  #hasBridged = false;
  readonly #dialogue: Dialogue;

  constructor(dialogue: Dialogue) {
    this.#dialogue = dialogue;
  }

  take(input: Input, state: State): Promise<Reply> | Reply {
    const { talk } = state.opening.agent;
    this.#dialogue.state = { ...state, transport: "gather" };
    const { lost, timeIsUp, goodbye, stillThere } = this.#dialogue.phrases;
    if (!this.#answer) this.#dialogue.settle("all");
    if (state.ended && !this.#answer) return { say: "", next: afterEnd(state) };
    if (Date.now() >= state.startedAt + talk.max_call_duration_seconds * 1_000) {
      this.#dialogue.end("max_duration_reached");
      return this.#speak(timeIsUp);
    }
    if (input === "silence") {
      const { kind, silent } = planSilence(state.silentSeconds, talk.silence_hangup_seconds);
      this.#dialogue.state = { ...this.#dialogue.state, silentSeconds: silent };
      if (kind === "end") this.#dialogue.end("silence_timeout");
      return this.#speak({ end: goodbye, ask_if_there: stillThere, listen: "" }[kind]);
    }
    if (typeof input === "object") return this.#compose(input.heard);
    if (input === "wait" && this.#answer) return this.#answered();
    if (input === "wait" && state.asked === 0 && modelBegins(state.opening)) return this.#compose();
    return this.#speak(lost);
  }

  /** A ConversationRelay session has failed, and the call goes on here. */
  takeOver(state: State): Promise<Reply> | Reply {
    const { opening, relayStarted, asked, speech, ended } = state;
    const isUnsaid = speech && Date.now() < heardAt(speech, this.#dialogue.hearing);
    this.#dialogue.stop();
    // The greeting, and last words that were cut off with the session, are said again.
    if (asked > 0 && !(ended && isUnsaid)) this.#dialogue.settle();
    const { turns } = this.#dialogue.state ?? state;
    const heard = { turns: asked > 0 ? turns : [], speech: null };
    this.#dialogue.state = { ...(this.#dialogue.state ?? state), ...heard, transport: "gather" };
    if (ended) return this.#speak(isUnsaid ? wordsOf(state) : "");
    if (asked === 0 && modelBegins(opening)) return this.#compose();
    return this.#speak(relayStarted && asked > 0 ? this.#dialogue.phrases.lost : (opening.greeting ?? ""));
  }

  #compose(...words: string[]): Promise<Reply> {
    this.#answer = this.#dialogue.respond(...words);
    this.#hasBridged = false;
    return this.#answered();
  }

  async #answered(): Promise<Reply> {
    const { state } = this.#dialogue;
    const patienceMs = (state?.opening.patienceMs ?? 0) * GATHER_SHARE;
    const late = new Promise<true>((resolve) => setTimeout(resolve, patienceMs, true));
    const isLate = await Promise.race([this.#answer, late]);
    if (isLate) {
      // Of what is no answer there is only what a tool has for this.
      const filler = this.#dialogue.state?.speech?.pieces.find(({ isAnswer }) => !isAnswer)?.text;
      const say = this.#hasBridged ? "" : (filler ?? this.#dialogue.phrases.filler).trim();
      this.#hasBridged = true;
      return { say, next: "wait" };
    }
    this.#answer = null;
    return this.#deliver();
  }

  #speak(words: string): Promise<Reply> {
    this.#answer = null;
    this.#dialogue.sayAlone(words);
    return this.#deliver();
  }

  async #deliver(): Promise<Reply> {
    const { state } = this.#dialogue;
    if (!state) return { say: "", next: "hang_up" };
    this.#dialogue.state = sent(state, Date.now(), true);
    await this.#dialogue.keep();
    const { silence_hangup_seconds: limit } = state.opening.agent.talk;
    const next = state.ended ? afterEnd(state) : { listenSeconds: listenSeconds(state.silentSeconds, limit) };
    return { say: wordsOf(state), next };
  }
}

const wordsOf = ({ speech }: State): string => (speech ? answerIn(speech, Number.POSITIVE_INFINITY) : "");

/** What follows a call's last words. */
export function afterEnd({ ended }: State): Reply["next"] {
  if (ended?.transferTo !== undefined) return { transferTo: ended.transferTo };
  return ended?.reason === "failed" || ended?.reason === "model_refused" ? "fallback" : "hang_up";
}
