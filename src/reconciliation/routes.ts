import { Hono } from "hono/tiny";
import { ownerOf } from "../api-keys/permission.ts";
import { withApiKey } from "../api-keys/with-api-key.ts";
import type { AppEnv } from "../http/context.ts";
import { ownNumber } from "../phone-numbers/change.ts";
import { effectiveHealth, type Health } from "../phone-numbers/health.ts";
import { webhookRuleWarning } from "../phone-numbers/preview/warnings.ts";
import { numberInPath, toTheEnd } from "../phone-numbers/request.ts";
import { serialiseNumber } from "../phone-numbers/serialise.ts";
import { requestServices } from "../services.ts";
import { nameOfRegion } from "../twilio/regions.ts";
import type { WebhookRule } from "../twilio/webhook-rules.ts";
import { parseAccountReasons } from "../twilio-accounts/health.ts";
import { checkNumber } from "./check-number.ts";
import { findHealth } from "./store.ts";

/** `POST /v1/phone-numbers/{number}/check` */
export const numberChecks = new Hono<AppEnv>().post("/:number/check", withApiKey("number"), async (c) => {
  const phoneNumber = await numberInPath(c);
  const owner = ownerOf(c);
  const services = requestServices(c);
  if (owner.externalId !== null) await ownNumber(phoneNumber, owner, services.db);
  await toTheEnd(c, checkNumber(phoneNumber, owner.apiKeyId, services));
  const number = await ownNumber(phoneNumber, owner, services.db);
  return c.json({ phone_number: serialiseNumber(number, services.twilio) });
});

/** `GET /v1/account/health` */
export const accountHealth = new Hono<AppEnv>().get("/health", withApiKey("read_all"), async (c) => {
  const { numbers, accounts } = await findHealth(c.env.DB, c.get("apiKeyId"));
  const { twilio } = requestServices(c);
  const byId = new Map(accounts.map((account) => [account.id, account]));
  const byHealth: Partial<Record<Health, number>> = {};
  for (const { twilio_account_id, health, count } of numbers) {
    const account = byId.get(twilio_account_id);
    const effective = effectiveHealth(health, account?.health ?? "ok", account?.is_relay_refused === 1);
    byHealth[effective] = (byHealth[effective] ?? 0) + count;
  }
  // An account without numbers is left: it answers no calls.
  const isOk = Object.keys(byHealth).every((health) => health === "ok");
  return c.json({
    status: isOk ? "ok" : "attention",
    phone_numbers: { count: numbers.reduce((sum, { count }) => sum + count, 0), by_health: byHealth },
    twilio_accounts: accounts.map(
      ({ account_sid, region, health, health_reasons, webhook_rule, checked_at, next_check_at }) => ({
        twilio_sid: account_sid,
        region: nameOfRegion(twilio, region),
        health,
        health_reasons: parseAccountReasons(health_reasons),
        checked_at,
        next_check_at,
        warnings: webhook_rule === null ? [] : [webhookRuleWarning(JSON.parse(webhook_rule) as WebhookRule)],
      }),
    ),
  });
});
