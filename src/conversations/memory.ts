import { armAt, stillRings } from "../alarms.ts";
import { openJson, type Slot, type Vault } from "../vault/vault.ts";
import { forgetAt } from "./clock.ts";
import type { Memory } from "./dialogue.ts";
import { type News, type State, stored, withNews } from "./state.ts";

const KEY = "conversation";
const SLOT: Slot = "conversations.state/call";

export const sealState = (vault: Vault, state: State): Promise<string> =>
  vault.seal(JSON.stringify(stored(state)), SLOT);
export const sealNews = (vault: Vault, news: News): Promise<string> => vault.seal(JSON.stringify(news), SLOT);

/** The state of a call in the storage of its object, sealed. */
export class StoredMemory implements Memory {
  readonly #storage: DurableObjectStorage;
  readonly #vault: () => Vault;

  /** @param vault not made before it is needed */
  constructor(storage: DurableObjectStorage, vault: () => Vault) {
    this.#storage = storage;
    this.#vault = vault;
  }

  /** @param news what is new since the state was stored, sealed */
  async read(news: string | undefined): Promise<State | null> {
    const open = async <T>(sealed: string | undefined) =>
      sealed === undefined ? null : openJson<T>(this.#vault(), sealed, SLOT);
    const state = await open<State>(await this.#storage.get<string>(KEY));
    const since = await open<News>(news);
    return since ? withNews(state, since) : state;
  }

  async write(state: State, isCurrent: () => boolean, isSure: boolean): Promise<boolean> {
    const sealed = await sealState(this.#vault(), state);
    if (!isCurrent()) return false;
    await this.store(sealed, forgetAt(state), isSure);
    return true;
  }

  /** Nothing that is sent waits for it, unless it must be sure. An alarm that comes too early looks again. */
  async store(sealed: string, until: number, isSure: boolean): Promise<void> {
    const options = { allowUnconfirmed: !isSure };
    await this.#storage.put(KEY, sealed, options);
    if (!stillRings(await this.#storage.getAlarm())) await armAt(this.#storage, until, options);
  }
}
