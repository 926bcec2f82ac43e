import { type Config, ownAddresses } from "./config.ts";
import { createOutbox, type Outbox } from "./events/outbox/client.ts";
import { type BaseServices, baseServices } from "./http/base-services.ts";
import type { AppContext } from "./http/context.ts";
import type { Logger } from "./http/log.ts";
import { createMeasure, type Measure } from "./http/metrics.ts";
import type { ReconciliationMessage } from "./reconciliation/message.ts";
import type { TwilioEndpoint } from "./twilio/http.ts";

/** What the work of this service takes, whichever door it comes in by: a request, a queue or the cron. */
export type Services = BaseServices & {
  measure: Measure;
  /** Lets work go on after the answer; the runtime grants it about 30 seconds. */
  defer: (work: Promise<unknown>) => void;
  twilio: TwilioEndpoint;
  publicBaseUrl: string;
  /** How events are delivered. */
  delivery: {
    timeoutMs: number;
    /** See `ownAddresses` in config.ts. */
    ownUrls: readonly string[];
    allowLocal: boolean;
  };
  /** The events of each API key. */
  outbox: Outbox;
  queues: { reconciliation: Queue<ReconciliationMessage> };
};

export type ServicesEnv = Pick<Env, "DB" | "EVENT_OUTBOX" | "RECONCILIATION"> & Partial<Pick<Env, "METRICS">>;

export function createServices(
  env: ServicesEnv,
  config: Config,
  log: Logger,
  defer: Services["defer"],
): Services {
  return {
    ...baseServices(env, config, log),
    measure: createMeasure(env),
    defer,
    twilio: { baseUrl: config.twilioApiBaseUrl, timeoutMs: config.twilioTimeoutMs },
    publicBaseUrl: config.publicBaseUrl,
    delivery: {
      timeoutMs: config.webhookTimeoutMs,
      ownUrls: ownAddresses(config),
      allowLocal: config.allowLocalWebhooks,
    },
    outbox: createOutbox(env.EVENT_OUTBOX),
    queues: { reconciliation: env.RECONCILIATION },
  };
}

export function requestServices(c: AppContext): Services {
  return createServices(c.env, c.get("config"), c.get("log"), (work) => c.executionCtx.waitUntil(work));
}
