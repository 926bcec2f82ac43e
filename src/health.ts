import { Hono } from "hono/tiny";
import { first } from "./database.ts";
import type { AppEnv } from "./http/context.ts";

/** `GET /healthz`: 200 if the configuration is valid and D1 answers with all migrations applied, else an error. */
export const health = new Hono<AppEnv>().get("/", async (c) => {
  await first(c.env.DB.prepare("SELECT 1 FROM pending_events LIMIT 1"));
  return c.json({ status: "ok" });
});
