import type { BaseServices } from "../http/base-services.ts";
import { type Holding, nearAt, type Room } from "../limits.ts";
import { type SealedEvent, sealEvent } from "./event.ts";

/** `limit`: what the event says that it is. */
export type Near = { event: SealedEvent; limit: number };

/** How many may be added between the reading of a room and the transaction that adds one more. */
const AT_ONCE = 50;

/**
 * An event that tells that a limit of what a key has is near. The transaction that adds one stores it, if that one is the
 * first of the last fifth.
 *
 * @returns undefined if it cannot be that one
 */
export async function nearEvent(
  apiKeyId: string,
  name: Holding,
  { limit, used }: Room,
  { vault, now }: Pick<BaseServices, "vault" | "now">,
): Promise<Near | undefined> {
  if (limit === null || Math.abs(used - nearAt(limit)) > AT_ONCE) return undefined;
  const data = { name, limit, used: nearAt(limit), resets_at: null };
  const about = { apiKeyId, agentId: null, number: null, data };
  return { event: await sealEvent({ type: "limit.near", ...about }, vault, now()), limit };
}
