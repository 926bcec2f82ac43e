import { env } from "cloudflare:workers";
import { forgetRoutes } from "../../src/answering/route-cache.ts";
import { watchedDatabase } from "../support/database.ts";
import { breakOutboxes } from "../support/outbox.ts";
import { twilio } from "../support/twilio.ts";
import type { Disturbance } from "./history.ts";
import type { World } from "./world.ts";

// What goes wrong, and what time mends.

/** Everything that can go wrong with a step, at once. */
export function disturb({ twilio: faults, database, deathAfter, outbox }: Disturbance): {
  env: Partial<Env>;
} {
  for (const fault of faults) twilio.faults.add(fault);
  if (outbox) breakOutboxes({ when: outbox });
  if (deathAfter !== null) return { env: mortal(deathAfter) };
  return { env: { TWILIO_TIMEOUT_MS: "30", ...(database && { DB: watchedDatabase(database).DB }) } };
}

export function isCalm({ twilio: faults, database, deathAfter, outbox }: Disturbance): boolean {
  return faults.length === 0 && database === null && deathAfter === null && outbox === null;
}

/** Bindings of an isolate that dies after so many trips to D1: nothing of it reaches D1 or Twilio any more. */
function mortal(trips: number): Partial<Env> {
  const { DB } = watchedDatabase({
    trip: trips + 1,
    when: "before",
    times: 1_000_000,
    onFail: () => deaden(),
  });
  return { DB, TWILIO_TIMEOUT_MS: "30" };
}

let revive: (() => void) | undefined;

function deaden(): void {
  if (revive) return;
  const { fetch } = twilio;
  twilio.fetch = async () => {
    throw new TypeError("Network connection lost.");
  };
  revive = () => {
    twilio.fetch = fetch;
    revive = undefined;
  };
}

/** After each step: what was broken on purpose and did not come to pass, must not befall the next. */
export function calm(): void {
  twilio.faults.clear();
  breakOutboxes(false);
  revive?.();
}

/** Time passes: leases are over, what was read of routes is old, and what Twilio was late with is done. */
export async function letTimePass({ tenants }: World): Promise<void> {
  await twilio.finishLate();
  for (const { key } of tenants) forgetRoutes(key.key_id);
  await env.DB.batch([
    env.DB.prepare(
      "UPDATE phone_numbers SET next_attempt_at = NULL, outcome_unknown_until = NULL WHERE state = 'importing'",
    ),
    env.DB.prepare("UPDATE phone_numbers SET lease_expires_at = '2020' WHERE lease_expires_at IS NOT NULL"),
    env.DB.prepare("UPDATE phone_numbers SET missing_since = '2020' WHERE missing_since IS NOT NULL"),
    env.DB.prepare("UPDATE twilio_accounts SET check_lease_expires_at = NULL"),
  ]);
}
