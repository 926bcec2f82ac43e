import { Hono } from "hono/tiny";
import { asOwner } from "../api-keys/with-api-key.ts";
import type { AppEnv } from "../http/context.ts";
import { ownNumber } from "../phone-numbers/change.ts";
import { numberInPath, toTheEnd } from "../phone-numbers/request.ts";
import { serialiseNumber } from "../phone-numbers/serialise.ts";
import { importServices } from "../phone-numbers/services.ts";
import { checkNumber } from "./check-number.ts";
import type { Health } from "./compare.ts";
import { findHealth } from "./store.ts";

/** `POST /v1/phone-numbers/{number}/check` */
export const numberChecks = new Hono<AppEnv>().post("/:number/check", asOwner, async (c) => {
  const phoneNumber = numberInPath(c);
  const apiKeyId = c.get("apiKeyId");
  await toTheEnd(c, checkNumber(phoneNumber, apiKeyId, importServices(c)));
  return c.json({ phone_number: serialiseNumber(await ownNumber(phoneNumber, apiKeyId, c.env.DB)) });
});

/** `GET /v1/account/health` */
export const accountHealth = new Hono<AppEnv>().get("/health", asOwner, async (c) => {
  const { numbers, accounts } = await findHealth(c.env.DB, c.get("apiKeyId"));
  const ofAccount = new Map(accounts.map(({ account_sid, health }) => [account_sid, health]));
  const byHealth: Partial<Record<Health, number>> = {};
  for (const { account_sid, health, count } of numbers) {
    // What is wrong with an account is true of all its numbers.
    const account = ofAccount.get(account_sid) ?? "ok";
    const found = account === "ok" ? health : account;
    byHealth[found] = (byHealth[found] ?? 0) + count;
  }
  const isOk =
    accounts.every(({ health }) => health === "ok") && numbers.every(({ health }) => health === "ok");
  return c.json({
    status: isOk ? "ok" : "attention",
    phone_numbers: { count: numbers.reduce((sum, { count }) => sum + count, 0), by_health: byHealth },
    twilio_accounts: accounts.map(({ account_sid, ...account }) => ({ twilio_sid: account_sid, ...account })),
  });
});
