import { Hono } from "hono/tiny";
import type { AppContext, AppEnv } from "../http/context.ts";
import { ApiError } from "../http/errors.ts";
import { endSession, findSession, startSession } from "./session.ts";
import { withApiKey, withApiKeyNoReplay } from "./with-api-key.ts";

/** Signing in and out of the console, and who a request is. */
export const sessions = new Hono<AppEnv>()
  .post("/", withApiKeyNoReplay("nothing"), async (c) => {
    // A session must not start the next one: it would never end.
    if (c.req.header("authorization") === undefined) throw new ApiError("invalid_api_key");
    const expiresAt = await startSession(c);
    c.get("log").info("session_started", { key_id: c.get("apiKeyId") });
    return c.json({ ...whoIs(c), expires_at: expiresAt.toISOString() }, 201);
  })
  .get("/", withApiKey("nothing"), async (c) => {
    // With a key, a cookie may be another's.
    const session = c.req.header("authorization") === undefined ? await findSession(c) : undefined;
    return c.json({
      ...whoIs(c),
      expires_at: session?.expiresAt.toISOString() ?? c.get("secret").expires_at,
    });
  })
  .delete("/", withApiKeyNoReplay("nothing"), (c) => {
    endSession(c);
    return c.json({ key_id: c.get("apiKeyId"), ended: true });
  });

function whoIs(c: AppContext) {
  const { api_key_id: key_id, id: secret_id, name, scope, external_id } = c.get("secret");
  return { key_id, secret_id, name, scope, external_id };
}
