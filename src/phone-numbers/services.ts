import type { Config } from "../config.ts";
import { deliveryServices } from "../events/services.ts";
import type { AppContext } from "../http/context.ts";
import type { Logger } from "../http/log.ts";
import type { ImportServices } from "./import/claim.ts";

/** What working on numbers takes, for a request. */
export function importServices(c: AppContext): ImportServices {
  return numberServices(c.env, c.get("config"), c.get("log"), (work) => c.executionCtx.waitUntil(work));
}

/** The same for the queue and the cron, with what delivering events takes. */
export function numberServices(
  env: Pick<Env, "DB" | "EVENTS"> & Partial<Pick<Env, "METRICS">>,
  config: Config,
  log: Logger,
  defer: ImportServices["defer"],
) {
  const { publicBaseUrl, twilioApiBaseUrl, twilioTimeoutMs } = config;
  return {
    ...deliveryServices(env, config, log),
    publicBaseUrl,
    twilio: { baseUrl: twilioApiBaseUrl, timeoutMs: twilioTimeoutMs },
    defer,
  } satisfies ImportServices;
}
