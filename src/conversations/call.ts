import { Dialogue, type Speaker } from "./conversation.ts";
import { MAX_FRAME_LENGTH, readFrame } from "./frames.ts";
import { hangupOf, type Opening, type State, type Turn } from "./state.ts";

/** What to say to a caller who is heard by `<Gather>`, and what comes after. */
export type Reply = {
  say: string;
  next: "listen" | "wait" | "hang_up" | "fallback" | { transferTo: string };
};

/** What becomes of a call whose ConversationRelay session is over. `wasMet`: there has been one at all. */
export type Closing = Reply & { wasMet: boolean };

/** What the caller did; `wait` asks for the answer that was not ready before. */
export type Input = { heard: string } | "silence" | "wait";

/** How a call ended, for its event. */
export type Outcome = { ended_reason: string; transcript?: Turn[] };

// Twilio waits 15 seconds for an answer; a caller hears nothing meanwhile.
const GATHER_SHARE = 0.5;
const DTMF_PAUSE_MS = 1_000;
const MAX_DIGITS = 32;
const OPEN = 1;
// RFC 6455, 7.4.1
const NORMAL = 1000;
const POLICY = 1008;
const TOO_BIG = 1009;
const MAX_RUBBISH = 20;
const MAX_FROM_LENGTH = 100;

type Session = { isSetUp: boolean; rubbish: number };

/** A call that an agent leads by itself: over ConversationRelay's WebSocket, or by `<Gather>`, one request a turn. */
export class Conversation extends Dialogue {
  #gathered: { said: string; done: Promise<void> } | null = null;
  #digits = "";
  /** How much of what was said Twilio has reported as played, in characters. */
  #played = 0;

  /** Twilio opens the WebSocket; the Worker has checked that it is Twilio. */
  async begin(opening: Opening): Promise<void> {
    await this.open(opening);
  }

  override async fetch(): Promise<Response> {
    const state = await this.load();
    if (!state || state.ended || this.isSessionOpen()) return new Response(null, { status: 409 });
    const { 0: theirs, 1: ours } = new WebSocketPair();
    this.ctx.acceptWebSocket(ours);
    ours.serializeAttachment({ isSetUp: false, rubbish: 0 } satisfies Session);
    await this.arm();
    return new Response(null, { status: 101, webSocket: theirs });
  }

  override async webSocketMessage(socket: WebSocket, data: string | ArrayBuffer): Promise<void> {
    const length = typeof data === "string" ? data.length : data.byteLength;
    if (length > MAX_FRAME_LENGTH) return socket.close(TOO_BIG);
    const session = socket.deserializeAttachment() as Session;
    const frame = readFrame(data);
    if (!frame) {
      if (session.rubbish >= MAX_RUBBISH) return socket.close(POLICY);
      return socket.serializeAttachment({ ...session, rubbish: session.rubbish + 1 });
    }
    const state = await this.load();
    if (!state) return socket.close(POLICY);
    if (frame.type === "setup") {
      const { callSid, accountSid } = state.opening;
      if (frame.callSid !== callSid || frame.accountSid !== accountSid) return socket.close(POLICY);
      socket.serializeAttachment({ ...session, isSetUp: true } satisfies Session);
      if (state.hasMet) return;
      const { isOutbound, from } = state.opening;
      const opening = { ...state.opening, from: isOutbound ? from : frame.from.slice(0, MAX_FROM_LENGTH) };
      this.state = { ...state, opening, hasMet: true };
      await this.keep();
      return;
    }
    if (!session.isSetUp) return;
    if (frame.type === "played") return this.#notePlayed(frame.text.length);
    if (state.ended) return;
    switch (frame.type) {
      case "prompt":
        return this.respond(frame.text);
      case "interrupt":
        this.interrupt(frame.heard);
        return this.keep();
      case "dtmf":
        return this.#collect(frame.digit);
      case "error":
        return this.log.warn("relay_error", { agent_id: state.opening.agent.id });
    }
  }

  override async webSocketClose(socket: WebSocket): Promise<void> {
    // Whether the caller hung up or the line broke, Twilio tells elsewhere.
    this.interrupt(null);
    await this.keep();
    socket.close(NORMAL);
    await this.arm();
  }

  override async webSocketError(): Promise<void> {
    this.interrupt(null);
    await this.keep();
  }

  /** What to do with a call whose `<Connect>` is over. @param isUnreached Twilio says that the session failed */
  async closed(opening: Opening, isUnreached: boolean): Promise<Closing> {
    const state = await this.open(opening);
    const wasMet = state.hasMet;
    if (state.ended) return { ...this.#ending(state), say: "", wasMet };
    if (!isUnreached) return { say: "", next: "hang_up", wasMet };
    // The object or the connection was lost in mid-call, or the account has no ConversationRelay.
    this.closeSession();
    this.state = { ...state, transport: "gather" };
    await this.keep();
    const { welcomeMessage } = opening.agent;
    const say = wasMet && state.asked > 0 ? this.phrases.lost : (welcomeMessage ?? this.phrases.hello);
    return { say, next: "listen", wasMet };
  }

  /** One turn of a call that is heard by `<Gather>`. */
  async gather(opening: Opening, input: Input): Promise<Reply> {
    const state = await this.open(opening);
    if (state.ended) return this.#ending(state);
    this.state = { ...state, transport: "gather" };
    if (input === "silence") return this.#silence(state);
    if (input !== "wait") {
      const gathered = { said: "", done: Promise.resolve() };
      this.#gathered = gathered;
      gathered.done = this.respond(input.heard);
    }
    const gathered = this.#gathered;
    if (!gathered) return { say: this.phrases.lost, next: "listen" };
    const isDone = await Promise.race([
      gathered.done.then(() => true),
      new Promise<false>((resolve) => setTimeout(resolve, opening.patienceMs * GATHER_SHARE, false)),
    ]);
    if (!isDone) return { say: this.phrases.filler.trim(), next: "wait" };
    this.#gathered = null;
    const say = gathered.said.trim();
    return this.state?.ended ? { ...this.#ending(this.state), say } : { say, next: "listen" };
  }

  /** How the call ended; null if this object never heard of it. */
  async outcome(): Promise<Outcome | null> {
    const state = await this.tell();
    if (!state) return null;
    const { transcript } = state.opening.agent.talk;
    return {
      ended_reason: state.ended?.reason ?? hangupOf(state),
      ...(transcript && { transcript: state.turns }),
    };
  }

  async #silence(state: State): Promise<Reply> {
    const silenceMs = state.opening.agent.talk.silence_hangup_seconds * 1_000;
    if (Date.now() - state.quietSince < silenceMs) return { say: this.phrases.stillThere, next: "listen" };
    await this.end("silence_timeout", "");
    return { say: this.phrases.goodbye, next: "hang_up" };
  }

  #ending({ ended }: State): Reply {
    if (ended?.transferTo !== undefined) return { say: "", next: { transferTo: ended.transferTo } };
    const say = ended?.reason === "max_duration_reached" ? this.phrases.timeIsUp : "";
    return { say, next: ended?.reason === "failed" ? "fallback" : "hang_up" };
  }

  /** Keys come one by one; the model hears of them once the caller pauses. */
  #collect(digit: string): void {
    this.#digits = (this.#digits + digit).slice(0, MAX_DIGITS);
    const collected = this.#digits;
    setTimeout(() => {
      if (this.#digits !== collected) return;
      this.#digits = "";
      this.ctx.waitUntil(this.respond(`(The caller pressed ${collected} on the keypad.)`));
    }, DTMF_PAUSE_MS);
  }

  #notePlayed(length: number): void {
    this.#played += length;
    const last = this.state?.turns.at(-1);
    if (this.state?.ended && last && this.#played >= last.text.length) this.hangUp();
  }

  protected override speaker(): Speaker {
    const gathered = this.#gathered;
    if (this.state?.transport === "gather") {
      const say = (piece: string) => {
        if (gathered) gathered.said += piece;
      };
      return { say, finish: () => undefined };
    }
    this.#played = 0;
    return {
      say: (token) => this.#send({ type: "text", token, last: false }),
      finish: () => this.#send({ type: "text", token: "", last: true }),
    };
  }

  protected override isSessionOpen(): boolean {
    return this.ctx.getWebSockets().some(({ readyState }) => readyState === OPEN);
  }

  protected override hangUp(): void {
    const { ended } = this.state ?? {};
    this.#send({ type: "end", handoffData: JSON.stringify({ reason: ended?.reason }) });
    this.closeSession();
  }

  protected override closeSession(): void {
    for (const socket of this.ctx.getWebSockets()) socket.close(NORMAL);
  }

  #send(frame: object): void {
    for (const socket of this.ctx.getWebSockets()) {
      if (socket.readyState === OPEN) socket.send(JSON.stringify(frame));
    }
  }
}
