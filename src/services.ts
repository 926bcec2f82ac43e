import type { Actor } from "./actor.ts";
import { forgetRoutes } from "./answering/route-cache.ts";
import { type CallLogs, createCallLogs } from "./call-log/client.ts";
import { createPaces, type Paces } from "./call-log/pace-client.ts";
import { transcriptsIn } from "./call-log/transcripts.ts";
import { type Config, ownAddresses } from "./config.ts";
import { createOutbox, type Outbox } from "./events/outbox/client.ts";
import { type BaseServices, baseServices } from "./http/base-services.ts";
import type { AppContext } from "./http/context.ts";
import { errorFields, type Logger } from "./http/log.ts";
import { createMeasure, type Measure } from "./http/metrics.ts";
import type { DailyLimits, TakenInCall } from "./limits.ts";
import { createObjects, type Objects } from "./objects.ts";
import type { TwilioEndpoint } from "./twilio/http.ts";
import type { WorkMessage } from "./twilio-accounts/work-message.ts";

/** What the work of this service needs, whether a request, a queue or the cron starts it. */
export type Services = BaseServices & {
  /** Who acts; null: nobody whom the history of a number would name. */
  actor: Actor | null;
  measure: Measure;
  /** Lets work continue after the answer. The runtime allows about 30 seconds for it. */
  defer: (work: Promise<unknown>) => void;
  twilio: TwilioEndpoint;
  publicBaseUrl: string;
  /** See `ownAddresses` in config.ts. */
  ownAddresses: readonly string[];
  /** Say so after a change of a key's numbers, agents or tokens: the next call in this isolate then reads its route anew. */
  routesChanged: (apiKeyId: string) => void;
  /** How events are delivered. */
  delivery: {
    timeoutMs: number;
    allowLocal: boolean;
  };
  /** The events of each API key. */
  outbox: Outbox;
  /** The calls and texts that each API key sends, and the turns of each account's calls. */
  callLogs: CallLogs;
  paces: Paces;
  /** R2 for transcripts, if it is bound. */
  transcripts: R2Bucket | undefined;
  queues: { reconciliation: Queue<WorkMessage> };
  objects: Objects;
  /** Whether there is a language model, and how long its first word may take. */
  model: { isConfigured: boolean; timeoutMs: number };
};

export function createServices(env: Env, config: Config, log: Logger, defer: Services["defer"]): Services {
  const objects = createObjects(env, config);
  return {
    ...baseServices(env, config, log),
    actor: null,
    measure: createMeasure(env),
    defer,
    twilio: {
      baseUrl: config.twilioApiBaseUrl,
      timeoutMs: config.twilioTimeoutMs,
      regionUrls: config.twilioRegionBaseUrls,
    },
    publicBaseUrl: config.publicBaseUrl,
    ownAddresses: ownAddresses(config),
    routesChanged: forgetRoutes,
    delivery: {
      timeoutMs: config.webhookTimeoutMs,
      allowLocal: config.allowLocalWebhooks,
    },
    outbox: createOutbox(objects),
    callLogs: createCallLogs(objects),
    paces: createPaces(objects),
    transcripts: transcriptsIn(env),
    queues: { reconciliation: env.RECONCILIATION },
    objects,
    model: { isConfigured: config.model !== null, timeoutMs: config.modelTimeoutMs },
  };
}

export function requestServices(c: AppContext): Services {
  const defer: Services["defer"] = (work) => c.executionCtx.waitUntil(work);
  return { ...createServices(c.env, c.get("config"), c.get("log"), defer), actor: c.get("actor") ?? null };
}

/**
 * Takes of the day what a call needs. Who waits for it are callers whom a limit may stop; if nobody can count, they are
 * served all the same.
 */
export async function mayTake(
  kind: TakenInCall,
  apiKeyId: string,
  limits: DailyLimits,
  { callLogs, defer, log }: Pick<Services, "callLogs" | "defer" | "log">,
): Promise<boolean> {
  const count = async () => {
    try {
      const taken = await callLogs.take(apiKeyId, kind, limits);
      if (taken.kind === "taken") return true;
      log.warn("limit_reached_in_call", { key_id: apiKeyId, kind });
      return false;
    } catch (error) {
      log.warn("call_not_counted", { key_id: apiKeyId, kind, ...errorFields(error) });
      return true;
    }
  };
  const counted = count();
  const limit = kind === "dial" ? limits.calls_per_day : limits.model_turns_per_day;
  if (limit !== null) return counted;
  defer(counted);
  return true;
}

/** Counts answers of the model in a call that goes on. They are written at its end, so a failure loses nothing. */
export function countTurns(
  apiKeyId: string,
  turns: number,
  { callLogs, defer, log }: Pick<Services, "callLogs" | "defer" | "log">,
) {
  const lost = (error: unknown) => log.warn("tokens_not_counted", errorFields(error));
  defer(callLogs.beginTurns(apiKeyId, turns).catch(lost));
}

/** Counts what the model has read and said. Nobody waits for it, and a failure loses the count only. */
export function countTokens(
  apiKeyId: string,
  tokens: number,
  services: Pick<Services, "callLogs" | "defer" | "log">,
  ofCall?: { limits: DailyLimits; turns: number },
) {
  const { callLogs, defer, log } = services;
  const lost = (error: unknown) => log.warn("tokens_not_counted", errorFields(error));
  if (tokens > 0 || ofCall) defer(callLogs.addTokens(apiKeyId, tokens, ofCall).catch(lost));
}
