import { Hono } from "hono";
import type { AppEnv } from "../http/context.ts";
import { optionalJson, validateJson } from "../http/json-body.ts";
import { createApiKey } from "./api-key.ts";
import { requireAdmin } from "./authenticate.ts";
import { createKeyBody } from "./schema.ts";
import { insertApiKey } from "./store.ts";

export const apiKeys = new Hono<AppEnv>().post(
  "/",
  requireAdmin,
  optionalJson,
  validateJson(createKeyBody),
  async (c) => {
    const { keyId, keySecret, row } = await createApiKey(c.req.valid("json").name, new Date());
    await insertApiKey(c.env.DB, row);
    c.get("log").info("api_key_created", { key_id: keyId });
    return c.json(
      {
        message: "API key created. Keep the key_secret now: it is not stored and cannot be shown again.",
        key_id: keyId,
        key_secret: keySecret,
      },
      201,
    );
  },
);
