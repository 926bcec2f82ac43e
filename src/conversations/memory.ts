import type { Slot, Vault } from "../vault/vault.ts";
import { type State, stored } from "./state.ts";

const KEY = "conversation";
const SLOT: Slot = "conversations.state/call";

/** The state of a call, and where it is kept: sealed. */
export class Memory {
  state: State | null = null;
  #isLoaded = false;
  readonly #storage: DurableObjectStorage;
  readonly #vault: Vault;

  constructor(storage: DurableObjectStorage, vault: Vault) {
    this.#storage = storage;
    this.#vault = vault;
  }

  /** The conversation as it stands; null if nothing is known of it. */
  async load(): Promise<State | null> {
    if (!this.#isLoaded) {
      const sealed = await this.#storage.get<string>(KEY);
      const state = sealed === undefined ? null : (JSON.parse(await this.#vault.open(sealed, SLOT)) as State);
      // Somebody else may have loaded it meanwhile, and gone on.
      if (!this.#isLoaded) this.state = state;
      this.#isLoaded = true;
    }
    return this.state;
  }

  /** Writes the state down. Nothing that is sent waits for it. */
  async keep(): Promise<void> {
    const { state } = this;
    if (!state) return;
    const sealed = await this.#vault.seal(stored(state), SLOT);
    // It went on while this was being sealed: only the newest may be the last that is written.
    if (state !== this.state) return this.keep();
    await this.#storage.put(KEY, sealed, { allowUnconfirmed: true });
  }

  async erase(): Promise<void> {
    this.state = null;
    await this.#storage.deleteAll();
  }
}
