import { Hono } from "hono/tiny";
import type { SecretRow } from "../actor.ts";
import { StorageError } from "../database.ts";
import type { AppEnv } from "../http/context.ts";
import { ApiError } from "../http/errors.ts";
import { faultError } from "../http/faults.ts";
import { requireJson, validateJson } from "../http/json-body.ts";
import { listQuery } from "../http/page.ts";
import { validateQuery } from "../http/query.ts";
import { isId, newId } from "../ids.ts";
import { sha256 } from "../vault/hash.ts";
import { createSecretBody } from "./schema.ts";
import { addSecret, deleteSecret, listSecrets, MAX_SECRETS, replaceSecret } from "./secret-store.ts";
import { withApiKey, withApiKeyNoReplay } from "./with-api-key.ts";

export const SHOWN_ONCE = "Save the key_secret now: it is not stored and cannot be shown again.";

/** The secrets of the calling key. */
export const keySecrets = new Hono<AppEnv>()
  .post("/secrets", withApiKeyNoReplay("all"), requireJson, validateJson(createSecretBody), async (c) => {
    const { name, scope, external_id, expires_at } = c.req.valid("json");
    const now = new Date();
    // One that ends must not live on in another.
    const latest = c.get("secret").expires_at;
    const isTooLate = latest !== null && (expires_at === null || expires_at > latest);
    if (isTooLate || (expires_at !== null && expires_at <= now.toISOString())) {
      const hint = isTooLate
        ? `It must be ${latest}, when your own ends, or earlier.`
        : "It must be in the future.";
      throw faultError([{ field: "expires_at", code: "invalid_field", hint }]);
    }
    const [keyId, keySecret] = [c.get("apiKeyId"), newId("apiKeySecret")];
    const row: SecretRow = {
      id: newId("keySecret"),
      name,
      is_first: 0,
      scope,
      external_id,
      created_at: now.toISOString(),
      expires_at,
      last_used_on: null,
    };
    const isAdded = await addSecret(c.env.DB, keyId, row, await sha256(keySecret)).catch((error: unknown) => {
      if (error instanceof StorageError && error.failure === "conflict")
        throw new ApiError("secret_name_taken");
      throw error;
    });
    if (!isAdded) {
      const details = { name: "max_secrets", limit: MAX_SECRETS, used: MAX_SECRETS };
      throw new ApiError("limit_reached", {
        status: 403,
        message: "This API key has 1,000 secrets. Delete one that nobody uses any more.",
        details,
      });
    }
    c.get("log").info("key_secret_created", { key_id: keyId, name });
    const message = `Secret created. ${SHOWN_ONCE}`;
    return c.json({ message, key_id: keyId, key_secret: keySecret, ...serialise(row) }, 201);
  })
  .get("/secrets", withApiKey("read_all"), validateQuery(listQuery), async (c) => {
    const page = c.req.valid("query");
    const { rows, count } = await listSecrets(c.env.DB, c.get("apiKeyId"), page);
    return c.json({ secrets: rows.map(serialise), count, ...page });
  })
  .delete("/secrets/:secret_id", withApiKey("all"), async (c) => {
    const [keyId, id] = [c.get("apiKeyId"), c.req.param("secret_id")];
    const outcome = isId("keySecret", id) ? await deleteSecret(c.env.DB, keyId, id) : "absent";
    if (outcome === "absent") throw new ApiError("secret_not_found");
    if (outcome === "last") throw new ApiError("last_secret");
    c.get("log").info("key_secret_deleted", { key_id: keyId });
    return c.json({ secret_id: id, deleted: true });
  })
  .post("/rotate", withApiKeyNoReplay("all"), async (c) => {
    // A session ends; with a new secret its holder would keep the key for ever.
    if (c.get("sessionEnds"))
      throw new ApiError("key_secret_required", {
        message: "A session cannot rotate its key. Send Authorization: Bearer KEY_ID:KEY_SECRET.",
      });
    const [keyId, secret] = [c.get("apiKeyId"), c.get("secret")];
    if (secret.is_first === 0)
      throw new ApiError("secret_is_limited", {
        message:
          "Only the secret that the key was made with can be rotated, and only by itself. Create another secret with POST " +
          "/v1/keys/secrets, and delete this one.",
      });
    const keySecret = newId("apiKeySecret");
    const hash = await sha256(keySecret);
    // Another rotation was faster, so the secret of this request no longer works.
    if (!(await replaceSecret(c.env.DB, keyId, secret, hash, new Date().toISOString())))
      throw new ApiError("invalid_api_key");
    c.get("log").info("api_key_rotated", { key_id: keyId });
    const message = `The secret was replaced; the old one has stopped working. ${SHOWN_ONCE}`;
    return c.json({ message, key_id: keyId, key_secret: keySecret });
  });

function serialise({ id, is_first, ...secret }: SecretRow) {
  return { secret_id: id, ...secret, is_first: is_first === 1 };
}
