import { Hono } from "hono/tiny";
import { externalIdFor, ownerOf } from "../api-keys/permission.ts";
import { withApiKey } from "../api-keys/with-api-key.ts";
import type { AppEnv } from "../http/context.ts";
import { faultError } from "../http/faults.ts";
import { validateQuery } from "../http/query.ts";
import { filled } from "../load.ts";
import { requestServices } from "../services.ts";
import { DAY_MS, dayOf } from "../time.ts";
import { midnightAfter } from "./allowance.ts";
import type { UsageDay } from "./call.ts";
import { findHoldings } from "./numbers-store.ts";
import { type UsageQuery, usageQuery } from "./query.ts";

const DEFAULT_DAYS = 30;
const MAX_DAYS = 366;

/** Calls, minutes and texts of the key, by UTC day. Exact: counted as they happen. */
export const usage = new Hono<AppEnv>().get("/", withApiKey("read"), validateQuery(usageQuery), async (c) => {
  const { callLogs, db, now, defaultLimits } = requestServices(c);
  const apiKeyId = c.get("apiKeyId");
  const time = now().getTime();
  const { external_id: wanted, ...asked } = c.req.valid("query");
  const externalId = externalIdFor(c, wanted);
  const isLimited = ownerOf(c).externalId !== null;
  const period = periodOf(time, asked);
  const [days, [today], { bytes, shortened }, { numbers, ofExternalId, agents, limits }] = await Promise.all([
    callLogs.usage(apiKeyId, period.since, period.until, externalId),
    callLogs.used(apiKeyId, dayOf(time)),
    callLogs.room(apiKeyId),
    findHoldings(db, apiKeyId, defaultLimits, externalId),
  ]);
  const sum = (part: Exclude<keyof UsageDay, "day">) => days.reduce((total, day) => total + day[part], 0);
  const byDay = new Map(days.map((day) => [day.day, day]));
  return c.json({
    ...period,
    calls: { inbound: sum("inbound"), outbound: sum("outbound"), minutes: minutes(sum("seconds")) },
    sms: { received: sum("received"), sent: sum("sent") },
    // The model is counted for the key as a whole, as its limit is.
    model: externalId === undefined ? { turns: sum("turns"), tokens: sum("tokens") } : null,
    numbers: ofExternalId ?? numbers,
    // What the key has and uses in all is none of a limited secret's business.
    limits: isLimited
      ? null
      : {
          max_agents: { used: agents, limit: limits.max_agents },
          max_numbers: { used: numbers, limit: limits.max_numbers },
          model_turns_per_day: { used: today?.turns ?? 0, limit: limits.model_turns_per_day },
          calls_per_day: { used: today?.placed ?? 0, limit: limits.calls_per_day },
          texts_per_day: { used: today?.texted ?? 0, limit: limits.texts_per_day },
          resets_at: midnightAfter(time),
          allowed_countries: limits.allowed_countries,
        },
    log_filled: isLimited ? null : filled(bytes),
    log_shortened: shortened === null ? null : new Date(shortened).toISOString(),
    days: daysFrom(period).map((date) => ({ date, ...serialise(byDay.get(date)) })),
  });
});

function serialise(day: UsageDay | undefined) {
  if (!day) return { calls: 0, minutes: 0, sms: 0 };
  return { calls: day.inbound + day.outbound, minutes: minutes(day.seconds), sms: day.received + day.sent };
}

/** Two decimals: as exact as a sum of seconds needs, and no more. */
const minutes = (seconds: number): number => Math.round((seconds / 60) * 100) / 100;

type Period = { since: string; until: string };

function daysFrom({ since, until }: Period): string[] {
  const count = (Date.parse(until) - Date.parse(since)) / DAY_MS + 1;
  return Array.from({ length: count }, (_, index) => dayOf(Date.parse(since) + index * DAY_MS));
}

/** @throws ApiError `invalid_parameter` */
function periodOf(now: number, { since, until = now }: Omit<UsageQuery, "external_id">): Period {
  const period = { since: dayOf(since ?? until - (DEFAULT_DAYS - 1) * DAY_MS), until: dayOf(until) };
  const days = (Date.parse(period.until) - Date.parse(period.since)) / DAY_MS + 1;
  if (days >= 1 && days <= MAX_DAYS) return period;
  const problem = { problem: "malformed" } as const;
  const hint = `Ask for 1 to ${MAX_DAYS} days.`;
  throw faultError(["since", "until"].map((field) => ({ field, code: "invalid_parameter", problem, hint })));
}
