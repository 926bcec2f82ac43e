import { DurableObject } from "cloudflare:workers";
import { armAt, ring } from "../alarms.ts";
import { readConfig } from "../config.ts";
import { createLogger } from "../http/log.ts";
import { configuredModel } from "../model/configured.ts";
import { countTokens, createServices, type Services } from "../services.ts";
import { DAY_MS } from "../time.ts";
import type { Asked, Question } from "../tools/ask.ts";
import { isToolTurn } from "../tools/call.ts";
import { createVault, openJson, type Slot, type Vault } from "../vault/vault.ts";
import { forgetAt } from "./clock.ts";
import { Dialogue } from "./dialogue.ts";
import { afterEnd, Gather, type Input, type Reply } from "./gather.ts";
import { StoredMemory } from "./memory.ts";
import { outside } from "./outside.ts";
import { drop, isNamed, keep, kept, NORMAL, PROTOCOL, say, type Told } from "./protocol.ts";
import { hangupOf, newState, type Opening, type State, type Turn } from "./state.ts";

const ASKED = "asked";
const ASKED_SLOT: Slot = "conversations.state/asked";
/** How long a session may take to give a call back. Twilio waits for the answer. */
const RECALL_MS = 1_500;

/** How a call ended, for its event. */
export type Outcome = { ended_reason: string; transcript?: Turn[] };

/**
 * A call that an agent leads by itself: the memory of its `Session`, which a Worker has, and the place of `<Gather>`. The state
 * is written after the agent's words are sent, so that no caller waits for a disk.
 */
export class Conversation extends DurableObject<Env> {
  #asking: Promise<Asked> | undefined;
  /** The state that the last session gave back is written down. */
  #settled = Promise.resolve();
  /** A session was asked to give its call back. */
  #recalled: PromiseWithResolvers<void> | undefined;
  // The vault is not made here: a faulty configuration would use up the attempts of the alarm.
  readonly #memory = new StoredMemory(this.ctx.storage, () => this.#vault);
  protected readonly dialogue = new Dialogue({
    ...outside(
      () => this.#services,
      () => configuredModel(readConfig(this.env).model, this.env),
    ),
    memory: this.#memory,
    socket: null,
    log: createLogger({ object: "conversation" }),
    changed: () => this.dialogue.keep(),
  });
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

  /** Begins the call. A session tells that itself; the Worker of the version before asks for it. */
  async begin(opening: Opening): Promise<void> {
    await this.#open(opening);
  }

  /** A session joins: the call is its own until it is over. See `Link`. */
  override async fetch({ headers }: Request): Promise<Response> {
    const state = await this.load();
    if (!isNamed(headers) || state?.ended || state?.transport === "gather" || this.#link)
      return new Response(null, { status: 409 });
    const { 0: theirs, 1: ours } = new WebSocketPair();
    this.ctx.acceptWebSocket(ours);
    keep(ours, {});
    say(ours, { known: state });
    this.dialogue.state = null;
    this.#recalled = undefined;
    return new Response(null, { status: 101, webSocket: theirs, headers: PROTOCOL });
  }

  override async webSocketMessage(link: WebSocket, data: string | ArrayBuffer): Promise<void> {
    if (kept(link).isOver) return;
    const told = JSON.parse(String(data)) as Told;
    if ("news" in told) return keep(link, { news: told.news });
    keep(link, {});
    await this.#memory.store(told.state, told.until, told.isSure);
    if (told.isSure) say(link, "kept");
  }

  /** The session is over, or its Worker is gone. */
  override async webSocketClose(link: WebSocket): Promise<void> {
    await this.#settle(link).finally(() => this.#recalled?.resolve());
    link.close(NORMAL);
  }

  override webSocketError(link: WebSocket): Promise<void> {
    return this.webSocketClose(link);
  }

  /** What to do with a call whose `<Connect>` is over. @param isUnreached Twilio says that the session failed */
  async closed(opening: Opening, isUnreached: boolean): Promise<Reply> {
    const state = await this.#open(opening);
    if (!isUnreached) return { say: "", next: state.ended ? afterEnd(state) : "hang_up" };
    return this.#gather.takeOver(state);
  }

  /** One turn of a call that is heard by `<Gather>`. */
  async gather(opening: Opening, input: Input): Promise<Reply> {
    return this.#gather.take(input, await this.#open(opening));
  }

  /** How the call ended; null if this object never heard of it. Counts it, once. */
  async outcome(): Promise<Outcome | null> {
    const state = await this.#recall();
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
    }
    return { ended_reason: reason, ...(opening.agent.talk.transcript && { transcript: turns }) };
  }

  /** Deletes everything. */
  async erase(): Promise<void> {
    const link = this.#link;
    if (link) drop(link);
    await this.#settled.catch(() => undefined);
    this.dialogue.stop();
    this.dialogue.state = null;
    await this.ctx.storage.deleteAll();
  }

  override alarm(info?: AlarmInvocationInfo): Promise<void> {
    const { storage } = this.ctx;
    return ring(storage, "conversation", info, async () => {
      const state = await this.load();
      if (!state || Date.now() >= forgetAt(state)) return this.erase();
      await armAt(storage, forgetAt(state));
    });
  }

  get #vault(): Vault {
    return createVault(readConfig(this.env).tokenEncryptionKeys);
  }

  get #services(): Services {
    const log = createLogger({ object: "conversation" });
    return createServices(this.env, readConfig(this.env), log, (work) => this.ctx.waitUntil(work));
  }

  /** The session that has the call. */
  get #link(): WebSocket | undefined {
    return this.ctx.getWebSockets().find((link) => !kept(link).isOver);
  }

  /** The conversation as it was when it was told last; null if nothing is known of it. */
  protected async load(): Promise<State | null> {
    // If it could not be read, what is stored counts.
    await this.#settled.catch(() => undefined);
    const link = this.#link;
    const state = this.dialogue.state ?? (await this.#memory.read(link && kept(link).news));
    if (link) return state;
    // Somebody else may have loaded it meanwhile, and gone on.
    this.dialogue.state ??= state;
    return this.dialogue.state;
  }

  /** The conversation as it is: a session that is open gives it back. */
  async #recall(): Promise<State | null> {
    for (let link = this.#link; link; link = this.#link) {
      this.#recalled ??= Promise.withResolvers();
      say(link, "stop");
      const late = new Promise((resolve) => setTimeout(resolve, RECALL_MS));
      await Promise.race([this.#recalled.promise, late]);
      // Of a session that does not answer, what it told last counts.
      await this.#settle(link);
      drop(link);
    }
    return this.load();
  }

  /** What a session told last is written down: no more comes of it. */
  #settle(link: WebSocket): Promise<void> {
    const { news, isOver } = kept(link);
    if (isOver) return this.#settled;
    keep(link, { isOver: true });
    const now = Date.now();
    const settle = async () => {
      const state = await this.#memory.read(news);
      if (!state) return;
      const { lastHearing } = state;
      this.dialogue.state = { ...state, lastHearing: lastHearing && { overAt: now, ...lastHearing } };
      if (!state.ended) this.dialogue.settle();
      await this.dialogue.keep();
    };
    this.#settled = settle();
    return this.#settled;
  }

  /** The conversation, begun if there is none. */
  async #open(opening: Opening): Promise<State> {
    const known = await this.#recall();
    if (known) return known;
    const state = newState(opening, Date.now());
    this.dialogue.state = state;
    return state;
  }
}
