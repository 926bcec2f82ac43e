import { errorFields, type Logger } from "../http/log.ts";
import type { Vault } from "../vault/vault.ts";
import { forgetAt } from "./clock.ts";
import type { Memory } from "./dialogue.ts";
import { sealNews, sealState } from "./memory.ts";
import { isNamed, NORMAL, PROTOCOL, type Said, TAKEN, type Told } from "./protocol.ts";
import type { Hearing } from "./speech.ts";
import { newsOf, type State, stored } from "./state.ts";

// Of 16,384 bytes that may be kept with a WebSocket.
const MAX_NEWS_LENGTH = 15_000;

type Ends = {
  object: () => Promise<Pick<Fetcher, "fetch">>;
  vault: Vault;
  log: Logger;
  hearing: () => Hearing;
  /** The object wants all that is known, and the call. */
  stop: () => void;
  /** It has the call, or does not know it any more. */
  taken: () => void;
  /** It was restarted, and knows what is stored. */
  lost: () => void;
};

/** The session's memory: the object of its call. */
export class Link implements Memory {
  /** What is stored, if the object has said or confirmed nothing else. */
  #stored: State | null = null;
  #socket: Promise<WebSocket | null> | null = null;
  #known = Promise.withResolvers<State | null>();
  #unconfirmed: PromiseWithResolvers<void>[] = [];
  #isClosed = false;
  readonly #ends: Ends;

  constructor(ends: Ends) {
    this.#ends = ends;
  }

  /** @returns what the object knows of the call; undefined if it refuses */
  async open(): Promise<State | null | undefined> {
    if (!(await this.#join())) return undefined;
    this.#stored = await this.#known.promise;
    return this.#stored;
  }

  async write(state: State, isCurrent: () => boolean, isSure: boolean, isAgain = false): Promise<boolean> {
    const apart = () => {
      if (isSure) throw new Error("the object is away");
      return true;
    };
    if (this.#isClosed) return apart();
    const socket = await this.#join().catch((error: unknown) => {
      if (isSure) throw error;
      // The next turn tries again.
      this.#ends.log.warn("session_apart", errorFields(error));
    });
    if (socket === null) this.#ends.taken();
    const known = { ...state, lastHearing: this.#ends.hearing() };
    const told = await this.#told(known, isSure);
    if (!isCurrent()) return false;
    if (socket?.readyState !== WebSocket.READY_STATE_OPEN) return apart();
    socket.send(JSON.stringify(told));
    if ("news" in told) return true;
    this.#stored = stored(known);
    if (!isSure) return true;
    const confirmed = Promise.withResolvers<void>();
    this.#unconfirmed.push(confirmed);
    const lost = await confirmed.promise.catch((error: unknown) => {
      if (isAgain) throw error;
      return true;
    });
    return lost ? this.write(state, isCurrent, isSure, true) : true;
  }

  /** There is no more to tell. */
  async close(): Promise<void> {
    this.#isClosed = true;
    (await this.#socket?.catch(() => null))?.close(NORMAL);
  }

  async #told(state: State, isSure: boolean): Promise<Told> {
    const news = isSure ? null : newsOf(this.#stored, state);
    const sealed = news && (await sealNews(this.#ends.vault, news));
    if (sealed && sealed.length <= MAX_NEWS_LENGTH) return { news: sealed };
    return { state: await sealState(this.#ends.vault, state), until: forgetAt(state), isSure };
  }

  /** Joins the object, again if it was restarted. @returns null if it refuses */
  #join(): Promise<WebSocket | null> {
    this.#socket ??= this.#ask().catch((error: unknown) => {
      this.#socket = null;
      throw error;
    });
    return this.#socket;
  }

  async #ask(): Promise<WebSocket | null> {
    const { object, stop, taken, lost } = this.#ends;
    const asked = { headers: { upgrade: "websocket", ...PROTOCOL } };
    const { webSocket, headers } = await (await object()).fetch("https://conversation", asked);
    webSocket?.accept();
    if (!webSocket || !isNamed(headers)) {
      webSocket?.close(NORMAL);
      return null;
    }
    webSocket.addEventListener("message", ({ data }) => {
      const said = JSON.parse(String(data)) as Said;
      if (said === "stop") stop();
      else if (said === "kept") this.#unconfirmed.shift()?.resolve();
      else this.#known.resolve(said.known);
    });
    webSocket.addEventListener("close", ({ code }) => {
      const error = new Error("the object was restarted");
      this.#known.promise.catch(() => undefined);
      this.#known.reject(error);
      for (const { reject } of this.#unconfirmed.splice(0)) reject(error);
      this.#socket = null;
      this.#stored = null;
      if (this.#isClosed) return;
      if (code === TAKEN) taken();
      else lost();
    });
    return webSocket;
  }
}
