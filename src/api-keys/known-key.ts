import type { AppContext } from "../http/context.ts";
import { ApiError } from "../http/errors.ts";
import { isId } from "../ids.ts";
import { hasApiKey } from "./store.ts";

/** The API key that the path names. @throws ApiError `key_not_found` @throws StorageError */
export async function knownKey(c: AppContext): Promise<string> {
  const keyId = c.req.param("key_id") ?? "";
  if (isId("apiKey", keyId) && (await hasApiKey(c.env.DB, keyId))) return keyId;
  throw new ApiError("key_not_found");
}
