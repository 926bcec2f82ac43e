import { DurableObject } from "cloudflare:workers";
import { readConfig } from "../config.ts";
import { createLogger } from "../http/log.ts";
import { createMeasure } from "../http/metrics.ts";
import { configuredModel } from "../model/configured.ts";
import { createVault } from "../vault/vault.ts";
import { planAlarm } from "./alarm.ts";
import { type Around, Dialogue } from "./dialogue.ts";
import { afterEnd, Gather, type Input, type Reply } from "./gather.ts";
import { Memory } from "./memory.ts";
import { Relay } from "./relay.ts";
import { hearingOf, RelaySocket } from "./socket.ts";
import { hangupOf, newState, type Opening, type State, type Turn } from "./state.ts";

/** How a call ended, for its event. */
export type Outcome = { ended_reason: string; transcript?: Turn[] };

/**
 * A call that an agent leads by itself, over ConversationRelay or by `<Gather>`. Keeps the state and the clock. The state
 * is written after the agent's words are sent, so that no caller waits for a disk.
 */
export class Conversation extends DurableObject<Env> {
  #alarmAt = 0;
  protected readonly around: Around;
  readonly #dialogue: Dialogue;
  readonly #relay: Relay;
  readonly #gather: Gather;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const config = readConfig(env);
    const memory = new Memory(ctx.storage, createVault(config.tokenEncryptionKeys));
    this.around = {
      memory,
      socket: new RelaySocket(ctx),
      log: createLogger({ object: "conversation" }),
      model: () => configuredModel(readConfig(env).model, env),
      changed: () => this.#changed(),
    };
    this.#dialogue = new Dialogue(this.around);
    this.#relay = new Relay(this.around, this.#dialogue);
    this.#gather = new Gather(memory, this.#dialogue);
  }

  /** Twilio opens the WebSocket; the Worker has checked that it is Twilio. */
  async begin(opening: Opening): Promise<void> {
    await this.#open(opening);
  }

  override async fetch(): Promise<Response> {
    const { memory, socket } = this.around;
    const state = await memory.load();
    if (!state || state.ended || state.transport === "gather" || socket.isOpen)
      return new Response(null, { status: 409 });
    const response = socket.accept(Date.now(), state.relayStarted);
    if (state.relayStarted) {
      // A connection that broke, or an object that was restarted: what was said last may be lost.
      this.#dialogue.sayAlone(this.#dialogue.phrases.lost);
      this.ctx.waitUntil(memory.keep());
    }
    await this.#arm();
    return response;
  }

  override async webSocketMessage(webSocket: WebSocket, data: string | ArrayBuffer): Promise<void> {
    const { memory, socket } = this.around;
    const frame = socket.read(webSocket, data);
    if (!frame) return;
    const state = await memory.load();
    if (!state) return socket.refuse(webSocket);
    await this.#relay.take(webSocket, frame, state);
    await this.#arm();
  }

  override async webSocketClose(webSocket: WebSocket): Promise<void> {
    const { memory, socket } = this.around;
    const state = await memory.load();
    // Whether the caller hung up or the line broke, Twilio tells elsewhere. Another session may be open already.
    if (state?.transport === "relay" && !socket.isOpen) {
      this.#dialogue.stop();
      memory.state = { ...state, lastHearing: { ...hearingOf(webSocket), overAt: Date.now() } };
      if (!state.ended) this.#dialogue.settle();
      await memory.keep();
    }
    webSocket.close(1000);
    await this.#arm();
  }

  override webSocketError(webSocket: WebSocket): Promise<void> {
    return this.webSocketClose(webSocket);
  }

  /** What to do with a call whose `<Connect>` is over. @param isUnreached Twilio says that the session failed */
  async closed(opening: Opening, isUnreached: boolean): Promise<Reply> {
    const state = await this.#open(opening);
    if (!isUnreached) return { say: "", next: state.ended ? afterEnd(state) : "hang_up" };
    const reply = await this.#gather.takeOver(state);
    this.around.socket.close();
    return reply;
  }

  /** One turn of a call that is heard by `<Gather>`. */
  async gather(opening: Opening, input: Input): Promise<Reply> {
    return this.#gather.take(input, await this.#open(opening));
  }

  /** How the call ended; null if this object never heard of it. Counts it, once. */
  async outcome(): Promise<Outcome | null> {
    const { memory } = this.around;
    if (!(await memory.load()) || !memory.state) return null;
    this.#dialogue.stop();
    const isSpokenByTwiml = memory.state.ended && memory.state.transport === "gather";
    this.#dialogue.settle(isSpokenByTwiml ? "all" : undefined);
    this.#dialogue.end(hangupOf(memory.state));
    const { asked, pieces, turns, transport, ended, opening, isCounted } = memory.state;
    const reason = ended?.reason ?? hangupOf(memory.state);
    if (!isCounted) {
      memory.state = { ...memory.state, isCounted: true };
      const waits = turns.flatMap(({ first_token_ms }) => first_token_ms ?? []);
      const mean = waits.reduce((sum, ms) => sum + ms, 0) / Math.max(waits.length, 1);
      const counts = [asked, pieces, mean, Math.max(0, ...waits)];
      createMeasure(this.env)("conversation", [transport, reason], counts);
    }
    await this.#changed();
    return { ended_reason: reason, ...(opening.agent.talk.transcript && { transcript: turns }) };
  }

  /** Deletes everything. */
  async erase(): Promise<void> {
    this.#dialogue.stop();
    this.around.socket.close();
    await this.around.memory.erase();
  }

  override async alarm(): Promise<void> {
    this.#alarmAt = 0;
    if (!(await this.around.memory.load())) return this.erase();
    await this.#arm();
  }

  /** The conversation, begun if there is none. */
  async #open(opening: Opening): Promise<State> {
    const { memory } = this.around;
    const known = await memory.load();
    if (known) return known;
    const state = newState(opening, Date.now());
    memory.state = state;
    // Before Twilio's first message the object may sleep already.
    await this.#changed();
    return state;
  }

  async #changed(): Promise<void> {
    await this.around.memory.keep();
    await this.#arm();
  }

  /** Does what is due, and sets the alarm to when something is due next. */
  async #arm(): Promise<void> {
    const { memory, socket } = this.around;
    const { goodbye, timeIsUp, stillThere } = this.#dialogue.phrases;
    while (memory.state) {
      const now = Date.now();
      const plan = planAlarm(
        memory.state,
        { hearing: socket.isOpen ? socket.hearing : null, isComposing: this.#dialogue.isComposing },
        now,
      );
      switch (plan.kind) {
        case "sleep":
          // An alarm that comes too early looks again; so a turn, which puts the silence off, writes none.
          if (this.#alarmAt > now && this.#alarmAt <= plan.until) return;
          this.#alarmAt = plan.until;
          return this.ctx.storage.setAlarm(plan.until, { allowUnconfirmed: true });
        case "forget":
          return this.erase();
        case "close":
          socket.close();
          continue;
        case "hang_up":
          this.#dialogue.settle();
          socket.end(memory.state.ended?.reason);
          break;
        case "ask_if_there":
          this.#dialogue.sayAlone(stillThere);
          socket.note({ hasAskedIfThere: true });
          break;
        case "end":
          this.#dialogue.sayAlone(plan.reason === "silence_timeout" ? goodbye : timeIsUp);
          this.#dialogue.end(plan.reason);
      }
      await memory.keep();
    }
  }
}
