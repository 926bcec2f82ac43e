import { errorFields } from "../http/log.ts";
import type { Model } from "../model/model.ts";
import type { Services } from "../services.ts";
import { planClock } from "./clock.ts";
import { Dialogue } from "./dialogue.ts";
import { Link } from "./link.ts";
import { outside } from "./outside.ts";
import { Relay } from "./relay.ts";
import { RelaySocket } from "./socket.ts";
import { newState, type Opening, type State } from "./state.ts";

// The longest that a timer may be set for.
const MAX_TIMER_MS = 2 ** 31 - 1;

/** What a session needs of the request that opened it. */
type Host = {
  services: Services;
  model: () => Model | null;
  /** A fresh stub of the call's object. */
  object: () => Promise<Pick<Fetcher, "fetch">>;
};

/**
 * A ConversationRelay session. It lives in the Worker that took the handshake, for as long as Twilio's WebSocket is open: there
 * waiting costs nothing. Leads the call, keeps its clock, and tells the call's object what is new after each turn.
 */
export class Session {
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isOver = false;
  readonly #services: Services;
  readonly #socket: RelaySocket;
  readonly #link: Link;
  readonly #dialogue: Dialogue;
  readonly #relay: Relay;

  private constructor(ours: WebSocket, { services, model, object }: Host) {
    this.#services = services;
    this.#socket = new RelaySocket(ours);
    this.#link = new Link({
      ...{ object, vault: services.vault, log: services.log },
      hearing: () => this.#socket.hearing,
      stop: () => this.#run(() => this.#close()),
      taken: () => this.#run(() => this.#leave()),
      lost: () => this.#run(() => this.#dialogue.keep()),
    });
    this.#dialogue = new Dialogue({
      ...outside(() => services, model),
      memory: this.#link,
      socket: this.#socket,
      log: services.log,
      changed: () => this.#changed(),
    });
    this.#relay = new Relay(this.#dialogue, this.#socket, (work) => this.#run(work));
    ours.addEventListener("message", ({ data }) => this.#run(() => this.#take(data)));
    ours.addEventListener("close", () => this.#run(() => this.#close()));
    ours.addEventListener("error", () => this.#run(() => this.#close()));
  }

  /** @returns Twilio's end of the WebSocket; null if the call is over, or is led elsewhere */
  static async open(opening: Opening, host: Host): Promise<WebSocket | null> {
    const { 0: theirs, 1: ours } = new WebSocketPair();
    const session = new Session(ours, host);
    const known = await session.#link.open();
    if (known === undefined) return null;
    ours.accept();
    session.#begin(known ?? newState(opening, Date.now()));
    return theirs;
  }

  #begin(state: State): void {
    this.#dialogue.state = state;
    // Of a connection that broke, and was opened again, Twilio need not say again whose call it is. What was said last may be lost.
    this.#socket.isSetUp = state.relayStarted;
    if (state.relayStarted) this.#dialogue.sayAlone(this.#dialogue.phrases.lost);
    this.#run(() => this.#changed());
  }

  async #take(data: string | ArrayBuffer): Promise<void> {
    const { state } = this.#dialogue;
    const frame = this.#isOver ? null : this.#socket.read(data);
    if (!frame || !state) return;
    await this.#relay.take(frame, state);
    await this.#look();
  }

  async #changed(): Promise<void> {
    await this.#dialogue.keep();
    await this.#look();
  }

  /** Does what is due, and looks again when something is due next. */
  async #look(): Promise<void> {
    const { goodbye, timeIsUp, stillThere } = this.#dialogue.phrases;
    while (this.#dialogue.state && !this.#isOver) {
      const now = Date.now();
      const { hearing } = this.#socket;
      const plan = planClock(this.#dialogue.state, hearing, this.#dialogue.isComposing, now);
      switch (plan.kind) {
        case "sleep":
          if (this.#timer !== null) clearTimeout(this.#timer);
          this.#timer = setTimeout(
            () => this.#run(() => this.#look()),
            Math.min(plan.until - now, MAX_TIMER_MS),
          );
          return;
        case "close":
          return this.#close();
        case "hang_up":
          this.#dialogue.settle();
          return this.#close(() => this.#socket.end(this.#dialogue.state?.ended?.reason));
        case "ask_if_there":
          this.#dialogue.sayAlone(stillThere);
          this.#socket.note({ hasAskedIfThere: true });
          break;
        case "end":
          this.#dialogue.sayAlone(plan.reason === "silence_timeout" ? goodbye : timeIsUp);
          this.#dialogue.end(plan.reason);
      }
      await this.#dialogue.keep();
    }
  }

  /** What is known goes to the call's object before Twilio asks it. */
  async #close(sayLast?: () => void): Promise<void> {
    if (this.#isOver) return;
    this.#dialogue.stop();
    this.#socket.note({ overAt: Date.now() });
    this.#isOver = true;
    await this.#dialogue.keep();
    sayLast?.();
    await this.#leave();
  }

  /** Nobody here has the call any more. */
  #leave(): Promise<void> {
    this.#isOver = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#dialogue.stop();
    // What is still on its way, as keys that wait for a pause, finds no call.
    this.#dialogue.state = null;
    this.#socket.close();
    return this.#link.close();
  }

  /** Nobody waits for an event. If it fails the session does, and Twilio asks what becomes of the caller. */
  #run(work: () => Promise<void>): void {
    const fail = async (error: unknown) => {
      this.#services.log.error("session_broken", errorFields(error));
      this.#socket.fail();
      await this.#close().catch(() => undefined);
      await this.#leave();
    };
    this.#services.defer(work().catch(fail));
  }
}
