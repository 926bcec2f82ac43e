import type { Session } from "./types.ts";

// What the secret of this session may. The API decides; the page only leaves out what it would refuse. See
// src/api-keys/permission.ts.

/**
 * `read`: to see numbers, calls and texts; `number`: to change those; `read_all`: to see what is the whole key's; `all`: to
 * change that.
 */
export type Need = "read" | "read_all" | "number" | "all";

let session: Pick<Session, "scope" | "external_id"> = { scope: "read", external_id: "" };

/** Another session is another load of the page, so nobody waits for this to change. */
export function begin(begun: Session): void {
  session = begun;
}

export function may(need: Need): boolean {
  const isWhole = session.external_id === null;
  const isFull = session.scope === "full";
  return { read: true, read_all: isWhole, number: isFull, all: isFull && isWhole }[need];
}
