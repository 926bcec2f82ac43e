import { readConfig } from "../config.ts";
import { createLogger } from "../http/log.ts";
import type { Taken } from "./allowance.ts";

/** Tells of the limits that are near now. An object's answer does not wait for it. */
export function tellNearLater(apiKeyId: string, taken: Taken, ctx: DurableObjectState, env: Env): void {
  if (taken.kind !== "taken" || taken.near.length === 0) return;
  const tell = async () => {
    // A call does not need them, and its isolate evaluates this file too.
    const { createServices } = await import("../services.ts");
    const { tellNear } = await import("./near.ts");
    const log = createLogger({ object: "call_log" });
    const services = createServices(env, readConfig(env), log, (work) => ctx.waitUntil(work));
    for (const allowance of taken.near) await tellNear(apiKeyId, allowance, services);
  };
  ctx.waitUntil(tell());
}
