import type { State } from "./state.ts";

// A session lives in a Worker. Between it and the object of its call there is a WebSocket: what the object is told it keeps
// with that, which costs nothing, and sleeps.

/** What names that WebSocket. A Worker of the version before, with Twilio's own in hand, does not say it. */
export const PROTOCOL = { "sec-websocket-protocol": "conversation.1" };
export const isNamed = (headers: Headers): boolean =>
  headers.get("sec-websocket-protocol") === PROTOCOL["sec-websocket-protocol"];

/** What the session tells, sealed: all that is known, to be stored until a time, or what is new since. */
export type Told = { state: string; until: number; isSure: boolean } | { news: string };

/** What the object says: first what it knows of the call, then that something is stored for sure, or that it wants the call. */
export type Said = { known: State | null } | "kept" | "stop";

// RFC 6455, 7.4
export const NORMAL = 1000;
/** Why the object closes it: it leads the call by itself, or knows no call any more. */
export const TAKEN = 4000;

/** What the object keeps with it while it sleeps. `isOver`: nothing that the session says counts. */
type Kept = { news?: string; isOver?: true };

export const kept = (link: WebSocket): Kept => link.deserializeAttachment() as Kept;
export const keep = (link: WebSocket, what: Kept): void => link.serializeAttachment(what);
export const say = (link: WebSocket, said: Said): void => {
  // The session may have closed it already, and what follows from that is still to come.
  if (link.readyState === WebSocket.READY_STATE_OPEN) link.send(JSON.stringify(said));
};

/** Nothing that the session says counts any more. */
export function drop(link: WebSocket): void {
  keep(link, { isOver: true });
  link.close(TAKEN);
}
