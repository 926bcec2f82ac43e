import { Hono } from "hono/tiny";
import { requireAdmin } from "../api-keys/authenticate.ts";
import { knownKey } from "../api-keys/known-key.ts";
import type { AppEnv } from "../http/context.ts";
import { requestServices } from "../services.ts";

/** The call log of any API key, for the operator. */
export const keyCalls = new Hono<AppEnv>().delete(
  "/:key_id/calls",
  requireAdmin({ always: true }),
  async (c) => {
    const apiKeyId = await knownKey(c);
    const { callLogs, log } = requestServices(c);
    await callLogs.erase(apiKeyId);
    log.info("calls_erased", { key_id: apiKeyId });
    return c.json({ key_id: apiKeyId, deleted: true });
  },
);
