import { errorFields, type Logger } from "../http/log.ts";
import type { Model } from "../model/model.ts";
import type { Memory } from "./memory.ts";
import { type Phrases, phrasesIn } from "./phrases.ts";
import { callRequest, planTool } from "./request.ts";
import type { RelaySocket } from "./socket.ts";
import { type Hearing, newHearing, newSpeech } from "./speech.ts";
import { type EndedReason, ended, heard, type State, sent, settled, speaking } from "./state.ts";
import { NO_PHRASES, type TurnResult, takeTurn } from "./turn.ts";

export type Around = {
  memory: Memory;
  socket: RelaySocket;
  log: Logger;
  /** The deployment's model; null if it has none. */
  model: () => Model | null;
  /** Writes the state down, and looks at the clock. */
  changed: () => Promise<void>;
};

/** What the agent says, and why. Its words go to the open session, or wait for `<Gather>`. */
export class Dialogue {
  #turn: AbortController | null = null;
  /** What was said before goes on until there is something to say. */
  #beginsAnew = false;
  readonly #around: Around;

  constructor(around: Around) {
    this.#around = around;
  }

  get phrases(): Phrases {
    return phrasesIn(this.#around.memory.state?.opening.agent.language ?? "en");
  }

  /** What Twilio tells of the speech. */
  get hearing(): Hearing {
    const { socket, memory } = this.#around;
    const { lastHearing, speech } = memory.state ?? {};
    return socket.hearing ?? lastHearing ?? newHearing(speech?.startedAt ?? 0);
  }

  /** The caller said something, or nobody has: the model answers, and what it was saying before is over. */
  async respond(words: string | null): Promise<void> {
    const { memory, model: modelOf, changed } = this.#around;
    if (!memory.state || memory.state.ended) return;
    this.stop();
    const now = Date.now();
    const asked = memory.state.asked + 1;
    memory.state = { ...(words === null ? memory.state : heard(memory.state, words, now)), asked };
    const model = modelOf();
    if (asked > memory.state.opening.agent.talk.max_turns) {
      this.sayAlone(this.phrases.timeIsUp);
      this.end("max_turns_reached");
    } else if (!model) this.end("failed");
    else await this.#answer(model, memory.state, now);
    await changed();
  }

  /** Whether the model is asked, and has not said all. */
  get isComposing(): boolean {
    return this.#turn !== null;
  }

  async #answer(model: Model, state: State, startedAt: number): Promise<void> {
    const { log } = this.#around;
    const { opening, transport } = state;
    const { agent, patienceMs } = opening;
    const stop = new AbortController();
    this.#turn = stop;
    this.#beginsAnew = true;
    try {
      const result = await takeTurn({
        model,
        request: callRequest(settled(state, this.hearing, startedAt)),
        signal: stop.signal,
        patienceMs,
        maxCharacters: agent.talk.max_characters_per_turn,
        phrases: transport === "relay" ? this.phrases : NO_PHRASES,
        say: (piece, isAnswer) => {
          if (this.#turn === stop) this.say(piece, isAnswer, isAnswer ? Date.now() - startedAt : undefined);
        },
        onFailure: (error) => log.warn("model_failed", { agent_id: agent.id, ...errorFields(error) }),
      });
      if (this.#turn !== stop) return;
      this.#turn = null;
      this.#conclude(result);
    } catch (error) {
      // It was stopped, and whoever stopped it has gone on from there.
      if (!stop.signal.aborted) throw error;
    }
  }

  #conclude({ text, tool, pieces, failure }: TurnResult): void {
    const { memory } = this.#around;
    if (!memory.state) return;
    memory.state = { ...memory.state, pieces: memory.state.pieces + pieces };
    const plan = tool && planTool(tool, memory.state.opening.agent.talk.transfer_numbers);
    const isSaid = text.trim() !== "";
    const { goodbye, transferring, cannotTransfer } = this.phrases;
    if (failure) this.end(failure === "refused" ? "model_refused" : "failed");
    if (plan?.kind === "end") {
      if (!isSaid) this.say(goodbye, true);
      this.end("completed");
    } else if (plan?.kind === "transfer") {
      if (!isSaid) this.say(transferring, true);
      this.end("transferred", plan.to);
    } else if (plan) this.say(isSaid ? ` ${cannotTransfer}` : cannotTransfer, true);
    this.#finish();
  }

  /** A sentence of ours, in place of what is being said. */
  sayAlone(text: string): void {
    this.stop();
    this.#begin();
    this.say(text, true);
    this.#finish();
  }

  say(text: string, isAnswer: boolean, firstTokenMs?: number): void {
    const { memory, socket } = this.#around;
    if (!memory.state || text === "") return;
    if (this.#beginsAnew) this.#begin();
    memory.state = speaking(memory.state, text, isAnswer, Date.now(), firstTokenMs);
    if (memory.state.transport === "relay") socket.say(text);
  }

  #begin(): void {
    const { memory, socket } = this.#around;
    const now = Date.now();
    this.settle();
    this.#beginsAnew = false;
    if (memory.state) memory.state = { ...memory.state, speech: newSpeech(now), lastHearing: null };
    socket.note({ played: 0, voiceAt: now, isVoiceOff: false });
  }

  #finish(): void {
    const { memory, socket } = this.#around;
    if (memory.state?.transport !== "relay") return;
    memory.state = sent(memory.state, Date.now());
    socket.finish();
  }

  /** The model says no more. */
  stop(): void {
    const { memory } = this.#around;
    this.#turn?.abort(new Error("the caller went on"));
    this.#turn = null;
    // Twilio takes what comes next for another utterance.
    if (memory.state?.speech?.sentAt === null) this.#finish();
  }

  /** What was being said is over, and as much of it as was heard becomes a turn. */
  settle(by: Hearing | { utterance: string } | "all" = this.hearing): void {
    const { memory } = this.#around;
    if (!memory.state) return;
    memory.state = settled(memory.state, by, Date.now());
  }

  end(reason: EndedReason, transferTo?: string): void {
    const { memory } = this.#around;
    if (memory.state) memory.state = ended(memory.state, reason, Date.now(), transferTo);
  }
}
