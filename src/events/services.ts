import { type Config, ownAddresses } from "../config.ts";
import type { AppContext } from "../http/context.ts";
import type { Logger } from "../http/log.ts";
import { createMeasure } from "../http/metrics.ts";
import { createVault } from "../vault/vault.ts";
import type { DeliveryServices } from "./deliver.ts";
import type { EventServices } from "./outbox.ts";

/** What handling events takes, for a request. */
export function eventServices(c: AppContext): EventServices {
  return deliveryServices(c.env, c.get("config"), c.get("log"));
}

/** The same for the queue and the cron, with what delivering takes. */
export function deliveryServices(
  env: Pick<Env, "DB" | "EVENTS"> & Partial<Pick<Env, "METRICS">>,
  config: Config,
  log: Logger,
): DeliveryServices {
  return {
    db: env.DB,
    vault: createVault(config.tokenEncryptionKeys),
    queue: env.EVENTS,
    log,
    now: () => new Date(),
    timeoutMs: config.webhookTimeoutMs,
    ownUrls: ownAddresses(config),
    allowLocalWebhooks: config.allowLocalWebhooks,
    measure: createMeasure(env),
  };
}
