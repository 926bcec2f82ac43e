import { openJson, type Slot, type Vault } from "../vault/vault.ts";
import type { RelaySocket } from "./socket.ts";
import { type News, newsOf, type State, stored, withNews } from "./state.ts";

const KEY = "conversation";
const SLOT: Slot = "conversations.state/call";

type Places = { storage: DurableObjectStorage; vault: () => Vault; socket: RelaySocket };

/**
 * Where the state of a call is, sealed, so that its object may sleep. What is new is kept with the open WebSocket, which costs
 * nothing and outlives a sleep. All of it is in the storage if no session is open, or a crash would lose much.
 */
export function createMemory({ storage, vault, socket }: Places) {
  let kept: State | null = null;

  async function write(state: State, isCurrent: () => boolean, isSure: boolean): Promise<boolean> {
    const news = isSure || !socket.isOpen ? null : newsOf(kept, state);
    const sealed = await vault().seal(news ? JSON.stringify(news) : stored(state), SLOT);
    if (!isCurrent()) return false;
    if (news) return socket.keep(sealed) || write(state, isCurrent, true);
    kept = state;
    socket.keep(null);
    await storage.put(KEY, sealed, { allowUnconfirmed: !isSure });
    return true;
  }

  return {
    async read(): Promise<State | null> {
      const open = async <T>(sealed: string | null | undefined) =>
        sealed ? openJson<T>(vault(), sealed, SLOT) : null;
      const state = await open<State>(await storage.get<string>(KEY));
      const news = await open<News>(socket.news);
      // Somebody else may have written meanwhile.
      kept ??= state;
      return news ? withNews(state, news) : state;
    },
    /** Nothing that is sent waits for it, unless it must be sure. @returns false if the state is not current any more */
    write,
    forget(): Promise<void> {
      kept = null;
      return storage.deleteAll();
    },
  };
}
