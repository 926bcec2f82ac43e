import { Hono } from "hono/tiny";
import { first } from "./database.ts";
import type { AppEnv } from "./http/context.ts";

/** `GET /healthz`: 200 where the configuration is complete and a migrated D1 answers, else the envelope of what is wrong. */
export const health = new Hono<AppEnv>().get("/", async (c) => {
  await first(c.env.DB.prepare("SELECT 1 FROM pending_events LIMIT 1"));
  return c.json({ status: "ok" });
});
