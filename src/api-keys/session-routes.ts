import { Hono } from "hono/tiny";
import type { AppContext, AppEnv } from "../http/context.ts";
import { ApiError } from "../http/errors.ts";
import { endSession, startSession } from "./session.ts";
import { withApiKey, withApiKeyNoReplay } from "./with-api-key.ts";

/** Signing in and out of the console, and who a request is. */
export const sessions = new Hono<AppEnv>()
  .post("/", withApiKeyNoReplay("nothing"), async (c) => {
    // A session must not start the next one: it would never end.
    if (c.get("sessionEnds")) throw new ApiError("invalid_api_key");
    const expiresAt = await startSession(c);
    c.get("log").info("session_started", { key_id: c.get("apiKeyId") });
    return c.json({ ...whoIs(c), expires_at: expiresAt.toISOString() }, 201);
  })
  .get("/", withApiKey("nothing"), (c) =>
    c.json({
      ...whoIs(c),
      expires_at: c.get("sessionEnds")?.toISOString() ?? c.get("secret").expires_at,
    }),
  )
  .delete("/", withApiKeyNoReplay("nothing"), (c) => {
    endSession(c);
    return c.json({ key_id: c.get("apiKeyId"), ended: true });
  });

function whoIs(c: AppContext) {
  const { api_key_id: key_id, id: secret_id, name, scope, external_id } = c.get("secret");
  return { key_id, secret_id, name, scope, external_id };
}
