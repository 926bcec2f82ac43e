import { DurableObject } from "cloudflare:workers";
import { readConfig } from "../config.ts";
import { createLogger, errorFields, type Logger } from "../http/log.ts";
import { createMeasure } from "../http/metrics.ts";
import { configuredModel } from "../model/configured.ts";
import { createVault, type Slot, type Vault } from "../vault/vault.ts";
import { planAlarm } from "./alarm.ts";
import { type Phrases, phrasesIn } from "./phrases.ts";
import { callRequest, planTool } from "./request.ts";
import {
  type EndedReason,
  ended,
  hangupOf,
  heard,
  interrupted,
  newState,
  type Opening,
  type State,
  spoken,
} from "./state.ts";
import { takeTurn } from "./turn.ts";

/** What a transport does with the agent's words. */
export type Speaker = {
  say: (piece: string) => void;
  /** The agent has said all it has to say for now. */
  finish: () => void;
};

const KEY = "conversation";
const SLOT: Slot = "conversations.state/call";

/**
 * One conversation, whichever way the caller is heard. Holds the state, asks the model, and keeps the clock; the transport
 * is the subclass's business. The state is written after the agent's words are sent, so that no caller waits for a disk.
 */
export abstract class Dialogue extends DurableObject<Env> {
  protected state: State | null = null;
  #isLoaded = false;
  #alarmAt = 0;
  #turn: { stop: AbortController; said: string } | null = null;
  readonly #vault: Vault;
  protected readonly log: Logger;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#vault = createVault(readConfig(env).tokenEncryptionKeys);
    this.log = createLogger({ object: "conversation" });
  }

  /** What is to be done when the agent ends the call: the transport says so, or it is asked. */
  protected abstract isSessionOpen(): boolean;
  protected abstract hangUp(): void;
  protected abstract closeSession(): void;
  protected abstract speaker(): Speaker;

  protected get phrases(): Phrases {
    return phrasesIn(this.state?.opening.agent.language ?? "en");
  }

  /** The conversation as it stands; null if nothing is known of it. */
  protected async load(): Promise<State | null> {
    if (!this.#isLoaded) {
      const sealed = await this.ctx.storage.get<string>(KEY);
      const state = sealed === undefined ? null : (JSON.parse(await this.#vault.open(sealed, SLOT)) as State);
      // Somebody else may have loaded it meanwhile, and gone on.
      if (!this.#isLoaded) this.state = state;
      this.#isLoaded = true;
    }
    return this.state;
  }

  /** The conversation, begun if there is none. */
  protected async open(opening: Opening): Promise<State> {
    const known = await this.load();
    if (known) return known;
    this.state = newState(opening, Date.now());
    // Before Twilio's first message the object may sleep already.
    await this.keep();
    await this.arm();
    return this.state;
  }

  /** Writes the state down. Nothing that is sent waits for it. */
  protected async keep(): Promise<void> {
    const { state } = this;
    if (!state) return;
    const sealed = await this.#vault.seal(JSON.stringify(state), SLOT);
    // It went on while this was being sealed: only the newest may be the last that is written.
    if (state !== this.state) return this.keep();
    await this.ctx.storage.put(KEY, sealed, { allowUnconfirmed: true });
  }

  /** Sets the clock to when something is due next. */
  protected async arm(): Promise<void> {
    if (!this.state) return;
    const now = Date.now();
    const session = { isOpen: this.isSessionOpen(), isSpeaking: this.#turn !== null };
    const plan = planAlarm(this.state, session, now);
    const at = plan.kind === "sleep" ? plan.until : now;
    // An alarm that comes too early looks again; so a turn, which puts the silence off, writes none.
    if (this.#alarmAt > now && this.#alarmAt <= at) return;
    this.#alarmAt = at;
    await this.ctx.storage.setAlarm(at, { allowUnconfirmed: true });
  }

  /** Deletes everything. */
  async erase(): Promise<void> {
    this.closeSession();
    this.state = null;
    await this.ctx.storage.deleteAll();
  }

  override async alarm(): Promise<void> {
    this.#alarmAt = 0;
    const state = await this.load();
    const session = { isOpen: this.isSessionOpen(), isSpeaking: this.#turn !== null };
    const plan = state ? planAlarm(state, session, Date.now()) : ({ kind: "forget" } as const);
    switch (plan.kind) {
      case "forget":
        return this.erase();
      case "hang_up":
        this.hangUp();
        break;
      case "close":
        this.closeSession();
        break;
      case "end":
        this.stopSpeaking();
        await this.end(plan.reason, this.phrases[plan.reason === "silence_timeout" ? "goodbye" : "timeIsUp"]);
        return;
      case "sleep":
    }
    await this.arm();
  }

  /** The caller said something: the model answers, and what it was saying before is over. */
  protected async respond(text: string): Promise<void> {
    if (!this.state || this.state.ended) return;
    this.interrupt(null);
    const now = Date.now();
    this.state = heard(this.state, text, now);
    const { agent, patienceMs } = this.state.opening;
    if (this.state.asked > agent.talk.max_turns)
      return this.end("max_duration_reached", this.phrases.timeIsUp);
    const model = configuredModel(readConfig(this.env).model, this.env);
    if (!model) return this.end("failed", "");
    const turn = { stop: new AbortController(), said: "" };
    this.#turn = turn;
    const speaker = this.speaker();
    try {
      const result = await takeTurn({
        model,
        request: callRequest(this.state),
        signal: turn.stop.signal,
        patienceMs,
        maxCharacters: agent.talk.max_characters_per_turn,
        phrases: this.phrases,
        say: (piece) => {
          if (this.#turn !== turn) return;
          turn.said += piece;
          speaker.say(piece);
        },
        onFailure: (error) => this.log.warn("model_failed", { agent_id: agent.id, ...errorFields(error) }),
      });
      if (this.#turn !== turn) return;
      this.#turn = null;
      await this.#conclude(result, speaker);
    } catch (error) {
      // It was stopped, and whoever stopped it has gone on from there.
      if (turn.stop.signal.aborted) return;
      throw error;
    }
  }

  async #conclude(result: Awaited<ReturnType<typeof takeTurn>>, speaker: Speaker): Promise<void> {
    if (!this.state) return;
    const { text, tool, tokens, firstTokenMs, hasFailed } = result;
    this.state = {
      ...spoken(this.state, text, Date.now()),
      tokens: this.state.tokens + tokens,
      firstTokenMs: [...this.state.firstTokenMs, ...(firstTokenMs === null ? [] : [firstTokenMs])],
    };
    if (hasFailed) return this.end("failed", "");
    if (tool) {
      const plan = planTool(tool, this.state.opening.agent.talk.transfer_numbers);
      const isSaid = text.trim() !== "";
      if (plan.kind === "end") return this.end("completed", isSaid ? "" : this.phrases.goodbye);
      if (plan.kind === "transfer")
        return this.end("transferred", isSaid ? "" : this.phrases.transferring, plan.to);
      this.#add(this.phrases.cannotTransfer, speaker);
    }
    speaker.finish();
    await this.keep();
    await this.arm();
  }

  #add(text: string, speaker: Speaker): void {
    if (!this.state || text === "") return;
    this.state = spoken(this.state, text, Date.now());
    speaker.say(text);
  }

  /** The caller spoke, or said something new: the model stops, and only what was heard counts as said. */
  protected interrupt(heardOfIt: string | null): void {
    const turn = this.stopSpeaking();
    if (!this.state || (heardOfIt === null && !turn)) return;
    this.state = interrupted(this.state, turn?.said ?? null, heardOfIt ?? turn?.said ?? "", Date.now());
  }

  protected stopSpeaking(): { said: string } | null {
    const turn = this.#turn;
    this.#turn = null;
    turn?.stop.abort(new Error("the caller went on"));
    return turn;
  }

  /** Ends the call, after these last words if there are any. */
  protected async end(reason: EndedReason, words: string, transferTo?: string): Promise<void> {
    if (!this.state || this.state.ended) return;
    const speaker = this.speaker();
    this.#add(words, speaker);
    this.state = ended(this.state, reason, Date.now(), transferTo);
    speaker.finish();
    await this.keep();
    await this.arm();
  }

  /** What the events tell of the call, once it is over. Counts it, once. */
  protected async tell(): Promise<State | null> {
    if (!(await this.load()) || !this.state) return null;
    this.stopSpeaking();
    this.state = ended(this.state, hangupOf(this.state), Date.now());
    if (!this.state.isTold) {
      this.state = { ...this.state, isTold: true };
      const { asked, tokens, firstTokenMs, transport, ended: end } = this.state;
      const mean = firstTokenMs.reduce((sum, ms) => sum + ms, 0) / Math.max(firstTokenMs.length, 1);
      const worst = Math.max(0, ...firstTokenMs);
      createMeasure(this.env)("conversation", [transport, end?.reason ?? ""], [asked, tokens, mean, worst]);
    }
    await this.keep();
    await this.arm();
    return this.state;
  }
}
