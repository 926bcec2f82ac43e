import { type Phrases, phrasesIn } from "../agents/phrases.ts";
import { errorFields, type Logger } from "../http/log.ts";
import { begunOf, type TakenInCall, TURNS_TOLD } from "../limits.ts";
import type { Model } from "../model/model.ts";
import { planTool, type ToolPlan } from "../tools/builtin.ts";
import { isToolTurn, noted, type ToolCall } from "../tools/call.ts";
import type { ToolDefinition } from "../tools/definition.ts";
import { NO_PHRASES, type TurnResult } from "../tools/take-turn.ts";
import { takeTurnWithTools } from "../tools/turn.ts";
import { isE164 } from "../twilio/e164.ts";
import { callRequest } from "./request.ts";
import type { RelaySocket } from "./socket.ts";
import { type Hearing, newHearing } from "./speech.ts";
import {
  beginning,
  type EndedReason,
  ended,
  heard,
  type Opening,
  type State,
  sent,
  settled,
  speaking,
} from "./state.ts";

/** Where the state is written down. */
export type Memory = {
  /**
   * @param isCurrent whether it is still the newest, once it is sealed
   * @param isSure it is safe when this is done
   * @returns false if it was not the newest any more
   */
  write: (state: State, isCurrent: () => boolean, isSure: boolean) => Promise<boolean>;
};

export type Around = {
  memory: Memory;
  /** Twilio's; null where a call is heard by `<Gather>`. */
  socket: RelaySocket | null;
  log: Logger;
  /** The deployment's model; null if it has none. */
  model: () => Model | null;
  /** Counts the first answer of the model, or a transfer. @returns whether the API key may still have one today */
  take: (opening: Opening, kind: TakenInCall) => Promise<boolean>;
  /** Tells the day's count of so many more answers. Nobody waits for it. */
  begin: (opening: Opening, turns: number) => void;
  /** Sends a call of one of the agent's tools. @returns what the model is told */
  callTool: (opening: Opening, tool: ToolDefinition, call: ToolCall) => Promise<string>;
  /** Writes the state down, and looks at the clock. */
  changed: () => Promise<void>;
};

/** What the agent says, and why. Its words go to the open session, or wait for `<Gather>`. Holds the state. */
export class Dialogue {
  state: State | null = null;
  #turn: AbortController | null = null;
  /** The tool that was called: it goes on, whatever the caller says. */
  readonly #sent = { work: null };
  /** What was said before goes on until there is something to say. */
  #beginsAnew = false;
  readonly around: Around;

  constructor(around: Around) {
    this.around = around;
  }

  /** Writes the state down. Nothing that is sent waits for it, unless it must be sure. */
  async keep(isSure = false): Promise<void> {
    const { state } = this;
    if (!state && isSure) throw new Error("the call is over");
    const isWritten = !state || (await this.around.memory.write(state, () => state === this.state, isSure));
    // It went on while this was being sealed: only the newest may be the last that is written.
    if (!isWritten) await this.keep(isSure);
  }

  get phrases(): Phrases {
    return phrasesIn(this.state?.opening.agent.language ?? "en");
  }

  /** What Twilio tells of the speech. */
  get hearing(): Hearing {
    const { lastHearing, speech } = this.state ?? {};
    return this.around.socket?.hearing ?? lastHearing ?? newHearing(speech?.startedAt ?? 0);
  }

  /** Whether the model is asked, and has not said all. */
  get isComposing(): boolean {
    return this.#turn !== null;
  }

  /** The caller said something, one thing after another, or nobody has: the model answers, and what it said before is over. */
  async respond(...words: string[]): Promise<void> {
    this.stop();
    if (!this.state || this.state.ended) return;
    const now = Date.now();
    const asked = this.state.asked + 1;
    const { max_turns: most } = this.state.opening.agent.talk;
    const known = words.reduce((state, said) => heard(state, said, now), this.state);
    const state = { ...known, asked: Math.min(asked, most) };
    this.state = state;
    const model = this.around.model();
    const stop = new AbortController();
    this.#turn = stop;
    if (asked > most) {
      this.sayAlone(this.phrases.timeIsUp);
      this.end("max_turns_reached");
    } else if (!model || (asked === 1 && !(await this.around.take(state.opening, "turn")))) {
      this.stop();
      this.end("failed");
    } else if (this.#turn === stop) await this.#answer(model, this.state, now, stop);
    await this.around.changed();
  }

  async #answer(model: Model, state: State, startedAt: number, stop: AbortController): Promise<void> {
    const { opening, transport } = state;
    this.#count(state);
    const { agent, patienceMs } = opening;
    this.#beginsAnew = true;
    try {
      const options = {
        model,
        request: () => callRequest(settled(this.state ?? state, this.hearing, startedAt)),
        signal: stop.signal,
        patienceMs,
        maxCharacters: agent.talk.max_characters_per_turn,
        phrases: transport === "relay" ? this.phrases : NO_PHRASES,
        say: (piece: string, isAnswer: boolean) => {
          if (this.#turn === stop) this.say(piece, isAnswer, isAnswer ? Date.now() - startedAt : undefined);
        },
        spent: (tokens: number) => {
          if (this.state) this.state = { ...this.state, tokens: this.state.tokens + tokens };
        },
        onFailure: (error: unknown) =>
          this.around.log.warn("model_failed", { agent_id: agent.id, ...errorFields(error) }),
      };
      const result = await takeTurnWithTools(options, {
        tools: agent.talk.tools,
        called: state.turns.filter(isToolTurn).length,
        take: () => this.#takeAnother(),
        note: (call) => this.#note(call, startedAt),
        send: (tool, call) => this.around.callTool(opening, tool, call),
        sent: this.#sent,
      });
      const plan = result.tool && (await this.#planTool(result.tool, opening));
      // The caller may have gone on meanwhile.
      if (this.#turn !== stop) return;
      this.#turn = null;
      this.#conclude(result, plan);
    } catch (error) {
      // It was stopped, and whoever stopped it has gone on from there.
      if (!stop.signal.aborted) throw error;
    }
  }

  /** The model is asked again, with what a tool that it called answers. */
  #takeAnother(): boolean {
    const { state } = this;
    if (!state || state.asked >= state.opening.agent.talk.max_turns) return false;
    this.state = { ...state, asked: state.asked + 1 };
    this.#count(this.state);
    return true;
  }

  #count({ opening, asked }: State): void {
    if (asked > 1 && begunOf(asked - 1) === asked - 1) this.around.begin(opening, TURNS_TOLD);
  }

  async #note(call: ToolCall, saidAt: number): Promise<boolean> {
    if (!this.state) return false;
    this.state = { ...this.state, turns: noted(this.state.turns, call, new Date(saidAt).toISOString()) };
    try {
      await this.keep(call.result === null);
      return true;
    } catch (error) {
      if (call.result !== null) throw error;
      this.around.log.warn("tool_not_called", { tool_call_id: call.id, ...errorFields(error) });
      return false;
    }
  }

  /** What follows from a tool. A transfer over the day's limit is refused in words, which the model sees as its own. */
  async #planTool(tool: NonNullable<TurnResult["tool"]>, opening: Opening): Promise<ToolPlan> {
    const plan = planTool(tool, opening.agent.talk.transfer_numbers);
    if (plan.kind !== "transfer" || !isE164(plan.to) || (await this.around.take(opening, "dial")))
      return plan;
    return { kind: "refuse", why: "cannotTransfer" };
  }

  #conclude({ text, failure }: TurnResult, plan: ToolPlan | null): void {
    if (!this.state) return;
    const isSaid = text.trim() !== "";
    const { goodbye, transferring } = this.phrases;
    if (plan?.kind === "refuse") this.say(`${isSaid ? " " : ""}${this.phrases[plan.why]}`, true);
    else if (plan && !isSaid) this.say(plan.kind === "end" ? goodbye : transferring, true);
    if (failure) this.end(failure === "refused" ? "model_refused" : "failed");
    if (plan?.kind === "end") this.end("completed");
    if (plan?.kind === "transfer") this.end("transferred", plan.to);
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
    if (!this.state || text === "") return;
    if (this.#beginsAnew) this.#begin();
    this.state = speaking(this.state, text, isAnswer, Date.now(), firstTokenMs);
    if (this.state.transport === "relay") this.around.socket?.say(text);
  }

  #begin(): void {
    const now = Date.now();
    this.settle();
    this.#beginsAnew = false;
    if (this.state) this.state = { ...this.state, speech: beginning(this.state, now), lastHearing: null };
    this.around.socket?.note({ played: 0, voiceAt: now, isVoiceOff: false });
  }

  #finish(): void {
    if (this.state?.transport !== "relay") return;
    this.state = sent(this.state, Date.now());
    this.around.socket?.finish();
  }

  /** The model says no more. */
  stop(): void {
    this.#turn?.abort(new Error("the caller went on"));
    this.#turn = null;
    // Twilio takes what comes next for another utterance.
    if (this.state?.speech?.sentAt === null) this.#finish();
  }

  /** What was being said is over, and as much of it as was heard becomes a turn. */
  settle(by: Hearing | { utterance: string } | "all" = this.hearing): void {
    if (this.state) this.state = settled(this.state, by, Date.now());
  }

  end(reason: EndedReason, transferTo?: string): void {
    if (this.state) this.state = ended(this.state, reason, Date.now(), transferTo);
  }
}
