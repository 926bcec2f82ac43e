import { newId } from "../ids.ts";
import { sha256 } from "../vault/hash.ts";
import type { ApiKeyRow } from "./store.ts";

export const MAX_NAME_LENGTH = 100;
export const DEFAULT_NAME = "unnamed";

/** A new API key: the pair to show once, and the row to store. */
export async function createApiKey(
  name: string,
  now: Date,
): Promise<{ keyId: string; keySecret: string; row: ApiKeyRow }> {
  const keyId = newId("apiKey");
  const keySecret = newId("apiKeySecret");
  const created = { name, created_at: now.toISOString() };
  const row = { id: keyId, secret_id: newId("keySecret"), secret_hash: await sha256(keySecret), ...created };
  return { keyId, keySecret, row };
}
