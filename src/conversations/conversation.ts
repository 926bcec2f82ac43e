import { DurableObject } from "cloudflare:workers";
import { armAt, ring } from "../alarms.ts";
import { readConfig } from "../config.ts";
import { createLogger } from "../http/log.ts";
import { configuredModel } from "../model/configured.ts";
import { countTokens, countTurns, createServices, mayTake, type Services } from "../services.ts";
import { DAY_MS } from "../time.ts";
import type { Asked, Question } from "../tools/ask.ts";
import { callTool, isToolTurn, type Occasion } from "../tools/call.ts";
import { createVault, openJson, type Slot, type Vault } from "../vault/vault.ts";
import { planAlarm } from "./alarm.ts";
import { Dialogue } from "./dialogue.ts";
import { afterEnd, Gather, type Input, type Reply } from "./gather.ts";
import { Relay } from "./relay.ts";
import { hearingOf, RelaySocket, refuse } from "./socket.ts";
import { hangupOf, newState, type Opening, type State, type Turn } from "./state.ts";

const ASKED = "asked";
const ASKED_SLOT: Slot = "conversations.state/asked";

/** How a call ended, for its event. */
export type Outcome = { ended_reason: string; transcript?: Turn[] };

/**
 * A call that an agent leads by itself, over ConversationRelay or by `<Gather>`. Keeps the state and the clock. The state
 * is written after the agent's words are sent, so that no caller waits for a disk.
 */
export class Conversation extends DurableObject<Env> {
  /** Undefined: not known since the object slept. */
  #alarmAt: number | undefined;
  #asking: Promise<Asked> | undefined;
  readonly #socket = new RelaySocket(this.ctx);
  protected readonly dialogue = new Dialogue({
    storage: this.ctx.storage,
    // Not read here: a faulty configuration would use up the attempts of the alarm.
    vault: () => this.#vault,
    socket: this.#socket,
    log: createLogger({ object: "conversation" }),
    model: () => configuredModel(readConfig(this.env).model, this.env),
    callTool: (opening, tool, call) =>
      callTool(tool, call, opening.apiKeyId, occasionOf(opening), this.#services),
    changed: () => this.#changed(),
    begin: ({ apiKeyId }, turns) => countTurns(apiKeyId, turns, this.#services),
    take: ({ apiKeyId, limits }, kind) => mayTake(kind, apiKeyId, limits, this.#services),
  });
  readonly #relay = new Relay(this.dialogue);
  readonly #gather = new Gather(this.dialogue);

  /** Asks the customer before the call is answered: once, however often Twilio comes. What was said is kept for the rest of it. */
  ask(question: Question): Promise<Asked> {
    this.#asking ??= this.#ask(question).finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  /** What the customer has said about this call; null if nobody was asked. */
  async asked(): Promise<Asked | null> {
    if (this.#asking) return this.#asking;
    const sealed = await this.ctx.storage.get<string>(ASKED);
    return sealed === undefined ? null : openJson<Asked>(this.#vault, sealed, ASKED_SLOT);
  }

  async #ask(question: Question): Promise<Asked> {
    const known = await this.asked();
    if (known) return known;
    const { askCustomer } = await import("../tools/ask.ts");
    const asked = await askCustomer(question, this.env.DB);
    const sealed = await this.#vault.seal(JSON.stringify(asked), ASKED_SLOT);
    // The caller does not wait for the disk.
    const unconfirmed = { allowUnconfirmed: true };
    const kept = [
      this.ctx.storage.put(ASKED, sealed, unconfirmed),
      armAt(this.ctx.storage, Date.now() + DAY_MS, unconfirmed),
    ];
    this.ctx.waitUntil(Promise.all(kept));
    return asked;
  }

  /** Twilio opens the WebSocket; the Worker has checked that it is Twilio. */
  async begin(opening: Opening): Promise<void> {
    await this.#open(opening);
  }

  override async fetch(): Promise<Response> {
    const state = await this.dialogue.load();
    if (!state || state.ended || state.transport === "gather" || this.#socket.isOpen)
      return new Response(null, { status: 409 });
    const response = this.#socket.accept(Date.now(), state.relayStarted);
    // A connection that broke, or an object that was restarted: what was said last may be lost.
    if (state.relayStarted) this.dialogue.sayAlone(this.dialogue.phrases.lost);
    // Before Twilio's first message the object may sleep already.
    await this.dialogue.keep();
    await this.#arm();
    return response;
  }

  override async webSocketMessage(webSocket: WebSocket, data: string | ArrayBuffer): Promise<void> {
    const frame = this.#socket.read(webSocket, data);
    if (!frame) return;
    const state = await this.dialogue.load();
    if (!state) return refuse(webSocket);
    await this.#relay.take(webSocket, frame, state);
    await this.#arm();
  }

  override async webSocketClose(webSocket: WebSocket): Promise<void> {
    const state = await this.dialogue.load();
    // Whether the caller hung up or the line broke, Twilio tells elsewhere. Another session may be open already.
    if (state?.transport === "relay" && !this.#socket.isOpen) {
      this.dialogue.stop();
      const lastHearing = { ...hearingOf(webSocket), overAt: Date.now() };
      this.dialogue.state = { ...(this.dialogue.state ?? state), lastHearing };
      if (!state.ended) this.dialogue.settle();
      await this.dialogue.keep();
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
    this.#socket.close();
    return reply;
  }

  /** One turn of a call that is heard by `<Gather>`. */
  async gather(opening: Opening, input: Input): Promise<Reply> {
    return this.#gather.take(input, await this.#open(opening));
  }

  /** How the call ended; null if this object never heard of it. Counts it, once. */
  async outcome(): Promise<Outcome | null> {
    const state = await this.dialogue.load();
    if (!state) return null;
    this.dialogue.stop();
    // TwiML speaks last words to their end.
    this.dialogue.settle(state.ended && state.transport === "gather" ? "all" : undefined);
    this.dialogue.end(hangupOf(state));
    const { asked, tokens, transport, ended, opening, isCounted, ...said } = this.dialogue.state ?? state;
    const turns = said.turns.filter((turn) => !isToolTurn(turn));
    const reason = ended?.reason ?? hangupOf(state);
    if (this.dialogue.state && !isCounted) {
      this.dialogue.state = { ...this.dialogue.state, isCounted: true };
      const waits = turns.flatMap(({ first_token_ms }) => first_token_ms ?? []);
      const mean = waits.reduce((sum, ms) => sum + ms, 0) / Math.max(waits.length, 1);
      const counts = [asked, tokens, mean, Math.max(0, ...waits)];
      this.#services.measure("conversation", [transport, reason], counts);
      const { apiKeyId, limits } = opening;
      countTokens(apiKeyId, tokens, this.#services, asked > 1 ? { limits, turns: asked - 1 } : undefined);
      // Twilio may say it again.
      await this.dialogue.keep(true);
      await this.#arm();
    }
    return { ended_reason: reason, ...(opening.agent.talk.transcript && { transcript: turns }) };
  }

  /** Deletes everything. */
  erase(): Promise<void> {
    return this.dialogue.erase();
  }

  override alarm(info?: AlarmInvocationInfo): Promise<void> {
    this.#alarmAt = 0;
    return ring(this.ctx.storage, "conversation", info, async () => {
      if (await this.dialogue.load()) return this.#arm();
      await this.erase();
    });
  }

  get #vault(): Vault {
    return createVault(readConfig(this.env).tokenEncryptionKeys);
  }

  get #services(): Services {
    const log = createLogger({ object: "conversation" });
    return createServices(this.env, readConfig(this.env), log, (work) => this.ctx.waitUntil(work));
  }

  /** The conversation, begun if there is none. */
  async #open(opening: Opening): Promise<State> {
    const known = await this.dialogue.load();
    if (known) return known;
    const state = newState(opening, Date.now());
    this.dialogue.state = state;
    return state;
  }

  async #changed(): Promise<void> {
    await this.dialogue.keep();
    await this.#arm();
  }

  /** Does what is due, and sets the alarm to when something is due next. */
  async #arm(): Promise<void> {
    const { goodbye, timeIsUp, stillThere } = this.dialogue.phrases;
    while (this.dialogue.state) {
      const now = Date.now();
      const hearing = this.#socket.isOpen ? this.#socket.hearing : null;
      const plan = planAlarm(this.dialogue.state, { hearing, isComposing: this.dialogue.isComposing }, now);
      switch (plan.kind) {
        case "sleep":
          // An alarm that comes too early looks again; so a turn, which puts the silence off, writes none.
          this.#alarmAt ??= (await this.ctx.storage.getAlarm()) ?? 0;
          if (this.#alarmAt > now && this.#alarmAt <= plan.until) return;
          this.#alarmAt = plan.until;
          return armAt(this.ctx.storage, plan.until, { allowUnconfirmed: true });
        case "forget":
          return this.erase();
        case "close":
          this.#socket.close();
          continue;
        case "hang_up":
          this.dialogue.settle();
          this.#socket.end(this.dialogue.state.ended?.reason);
          break;
        case "ask_if_there":
          this.dialogue.sayAlone(stillThere);
          this.#socket.note({ hasAskedIfThere: true });
          break;
        case "end":
          this.dialogue.sayAlone(plan.reason === "silence_timeout" ? goodbye : timeIsUp);
          this.dialogue.end(plan.reason);
      }
      await this.dialogue.keep();
    }
  }
}

/** What a tool is called for. */
function occasionOf(opening: Opening): Occasion {
  const { agent, phoneNumber, callSid, isOutbound, from } = opening;
  const about = { number: opening, agent_id: agent.id, call_id: callSid };
  if (isOutbound) return { ...about, direction: "outbound", from: phoneNumber, to: from };
  return { ...about, direction: "inbound", from: from || "unknown", to: phoneNumber };
}
