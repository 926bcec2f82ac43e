import { type Frame, MAX_FRAME_LENGTH, readFrame } from "./frames.ts";
import { NORMAL } from "./protocol.ts";
import { type Hearing, newHearing } from "./speech.ts";

// RFC 6455, 7.4.1
const POLICY = 1008;
const TOO_BIG = 1009;
const INTERNAL_ERROR = 1011;
const MAX_UNREADABLE_FRAMES = 20;

/** The WebSocket of a ConversationRelay session, and what Twilio has told in it. */
export class RelaySocket {
  hearing: Hearing = newHearing(Date.now());
  /** Twilio has said whose call it is. */
  isSetUp = false;
  #unreadable = 0;
  readonly #socket: WebSocket;

  constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  note(change: Partial<Hearing>): void {
    this.hearing = { ...this.hearing, ...change };
  }

  /** What Twilio said; null if it is nothing to act on. Closes the WebSocket of whoever cannot be Twilio. */
  read(data: string | ArrayBuffer): Frame | null {
    const length = typeof data === "string" ? data.length : data.byteLength;
    const frame = length > MAX_FRAME_LENGTH ? null : readFrame(data);
    if (frame) return frame.type === "setup" || this.isSetUp ? frame : null;
    if (length > MAX_FRAME_LENGTH) this.close(TOO_BIG);
    else if (this.#unreadable >= MAX_UNREADABLE_FRAMES) this.refuse();
    this.#unreadable += 1;
    return null;
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
  }

  close(code = NORMAL): void {
    if (this.#socket.readyState === WebSocket.READY_STATE_OPEN) this.#socket.close(code);
  }

  /** Whoever this is, it is not Twilio. */
  refuse(): void {
    this.close(POLICY);
  }

  /** The session cannot go on; Twilio asks what becomes of the call. */
  fail(): void {
    this.close(INTERNAL_ERROR);
  }

  #send(frame: object): void {
    if (this.#socket.readyState === WebSocket.READY_STATE_OPEN) this.#socket.send(JSON.stringify(frame));
  }
}
