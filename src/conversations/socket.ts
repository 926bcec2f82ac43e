import { MAX_FRAME_LENGTH, readFrame } from "./frames.ts";
import { type Hearing, newHearing } from "./speech.ts";

const OPEN = 1;
// RFC 6455, 7.4.1
const NORMAL = 1000;
const POLICY = 1008;
const TOO_BIG = 1009;
const MAX_UNREADABLE_FRAMES = 20;

/** What is kept with a WebSocket while the object sleeps. */
type Session = { isSetUp: boolean; unreadable: number; hearing: Hearing; news?: string | null };

// Of 16,384 bytes that may be kept with a WebSocket.
const MAX_NEWS_LENGTH = 15_000;

/** The WebSocket of a ConversationRelay session. The call's object may sleep while it is open. */
export class RelaySocket {
  #lastRead: WebSocket | null = null;
  readonly #ctx: DurableObjectState;

  constructor(ctx: DurableObjectState) {
    this.#ctx = ctx;
  }

  get isOpen(): boolean {
    return this.#open() !== undefined;
  }

  /** What Twilio has told in the session that is open, or that closes; null if none is. */
  get hearing(): Hearing | null {
    const socket = this.#last();
    return socket ? sessionOf(socket).hearing : null;
  }

  /** What is new since the state was stored, sealed; null: nothing. */
  get news(): string | null {
    const socket = this.#open();
    return socket ? (sessionOf(socket).news ?? null) : null;
  }

  /** @returns whether it is kept as long as the session is open */
  keep(news: string | null): boolean {
    const socket = this.#open();
    if (!socket || (news?.length ?? 0) > MAX_NEWS_LENGTH) return false;
    socket.serializeAttachment({ ...sessionOf(socket), news } satisfies Session);
    return true;
  }

  note(change: Partial<Hearing>): void {
    const socket = this.#last();
    if (!socket) return;
    const session = sessionOf(socket);
    socket.serializeAttachment({ ...session, hearing: { ...session.hearing, ...change } } satisfies Session);
  }

  /** @param isSetUp it is a connection that broke, opened again: Twilio need not say again whose call it is */
  accept(now: number, isSetUp: boolean): Response {
    const { 0: theirs, 1: ours } = new WebSocketPair();
    this.#ctx.acceptWebSocket(ours);
    ours.serializeAttachment({ isSetUp, unreadable: 0, hearing: newHearing(now) } satisfies Session);
    return new Response(null, { status: 101, webSocket: theirs });
  }

  /** What Twilio said; null if it is nothing to act on. Closes the WebSocket of whoever cannot be Twilio. */
  read(socket: WebSocket, data: string | ArrayBuffer) {
    const length = typeof data === "string" ? data.length : data.byteLength;
    this.#lastRead = socket;
    const session = sessionOf(socket);
    const frame = length > MAX_FRAME_LENGTH ? null : readFrame(data);
    if (frame) return frame.type === "setup" || session.isSetUp ? frame : null;
    if (length > MAX_FRAME_LENGTH) socket.close(TOO_BIG);
    else if (session.unreadable >= MAX_UNREADABLE_FRAMES) refuse(socket);
    else socket.serializeAttachment({ ...session, unreadable: session.unreadable + 1 } satisfies Session);
    return null;
  }

  setUp(socket: WebSocket): void {
    socket.serializeAttachment({ ...sessionOf(socket), isSetUp: true } satisfies Session);
  }

  /** What is said next preempts it: an answer that is not heard to its end when there is another. */
  say(token: string): void {
    this.#send({ type: "text", token, last: false, preemptible: true });
  }

  /** There is no more of it for now. */
  finish(): void {
    this.#send({ type: "text", token: "", last: true });
  }

  /** Twilio goes on with the call, and cuts off what it is saying. */
  end(reason: string | undefined): void {
    this.#send({ type: "end", handoffData: JSON.stringify({ reason }) });
    this.close();
  }

  close(): void {
    for (const socket of this.#ctx.getWebSockets()) socket.close(NORMAL);
  }

  #open(): WebSocket | undefined {
    return this.#ctx.getWebSockets().find(({ readyState }) => readyState === OPEN);
  }

  /** Of one that closes, what came before is still being read. */
  #last(): WebSocket | null {
    return this.#open() ?? this.#lastRead;
  }

  #send(frame: object): void {
    this.#open()?.send(JSON.stringify(frame));
  }
}

/** Whoever this is, it is not Twilio. */
export const refuse = (socket: WebSocket): void => socket.close(POLICY);

export const hearingOf = (socket: WebSocket): Hearing => sessionOf(socket).hearing;

const sessionOf = (socket: WebSocket): Session => socket.deserializeAttachment() as Session;
