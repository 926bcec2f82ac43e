import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { runCron } from "../support/consume.ts";
import { watchedDatabase } from "../support/database.ts";
import { prepareImport } from "../support/import.ts";
import { allowAllErrors, logLines } from "../support/logs.ts";
import { reconcile } from "../support/reconciliation.ts";
import { twilio } from "../support/twilio.ts";
import { call, post } from "../support/worker.ts";
import { type Effect, effects } from "../twilio-simulator/faults.ts";
import type { Operation } from "../twilio-simulator/state.ts";

// The lines about numbers that first aid and the page of warnings explain: each is written when that happens.

type Prepared = Awaited<ReturnType<typeof prepareImport>>;

const PATH = "/v1/phone-numbers/%2B447446466847";
const importIt = ({ key, body }: Prepared, overrides: Partial<Env> = {}) =>
  post("/v1/phone-numbers", body, { key, env: overrides });
const fails = (operation: Operation, effect: Effect = effects.serverErrorHtml, after = 0) =>
  twilio.faults.add({ operation, effect, after, times: null });
const drift = ({ number }: Prepared) => Object.assign(number, { voice_url: "https://elsewhere.example" });

/** The work, while D1 fails from one of its trips on; each in turn. */
async function withoutD1(work: (overrides: Partial<Env>) => Promise<unknown>): Promise<void> {
  for (let trip = 1; trip <= 12; trip += 1)
    await work({ DB: watchedDatabase({ trip, when: "before", times: 99 }).DB }).catch(() => undefined);
}

/** An import whose outcome nobody knows, when its lease is over. */
async function unfinished(prepared: Prepared): Promise<void> {
  twilio.faults.add({ operation: "update", effect: effects.replyLost });
  fails("fetch");
  await importIt(prepared);
  await env.DB.prepare(
    "UPDATE phone_numbers SET lease_expires_at = '2020', next_attempt_at = NULL, outcome_unknown_until = NULL",
  ).run();
}

const LINES: Record<string, (prepared: Prepared) => Promise<unknown>> = {
  claim_not_removed: (prepared) => withoutD1((overrides) => importIt(prepared, overrides)),
  lease_not_expired: (prepared) => withoutD1((overrides) => importIt(prepared, overrides)),
  activation_repeated: (prepared) => withoutD1((overrides) => importIt(prepared, overrides)),
  lease_not_ended: async (prepared) => {
    await importIt(prepared);
    await withoutD1((overrides) => {
      drift(prepared);
      return call("POST", `${PATH}/check`, prepared.key, undefined, { env: overrides });
    });
  },
  outcome_unknown: unfinished,
  late_update_not_watched: async (prepared) => {
    twilio.faults.add({ operation: "update", effect: effects.hang });
    fails("fetch", effects.serverErrorHtml, 1);
    await importIt(prepared, { TWILIO_TIMEOUT_MS: "30" });
  },
  import_not_recovered: async (prepared) => {
    await unfinished(prepared);
    await reconcile();
  },
  recovery_scheduled: async (prepared) => {
    await unfinished(prepared);
    await runCron("*/15 * * * *");
  },
  region_not_checked: async (prepared) => {
    fails("routing");
    await importIt(prepared);
  },
  routing_not_checked: async (prepared) => {
    await importIt(prepared);
    fails("routing");
    await call("POST", `${PATH}/check`, prepared.key);
  },
  number_not_checked: async (prepared) => {
    await importIt(prepared);
    fails("fetch");
    await call("POST", `${PATH}/check`, prepared.key);
  },
  number_not_repaired: async (prepared) => {
    await importIt(prepared);
    drift(prepared);
    fails("update");
    await call("POST", `${PATH}/check`, prepared.key);
  },
  release_not_previewed: async (prepared) => {
    await importIt(prepared);
    fails("fetch");
    await call("DELETE", `${PATH}?dry_run=true`, prepared.key);
  },
  not_checked: async ({ key, body }) => {
    fails("services");
    await post("/v1/phone-numbers", { ...body, dry_run: true }, { key });
  },
  former_account_not_asked: async (prepared) => {
    await importIt(prepared);
    const other = await prepareImport();
    twilio.state.numbers.delete(prepared.number.sid);
    prepared.account.authToken = "0".repeat(32);
    await importIt(other);
  },
  rate_limit_unavailable: (prepared) => {
    const limit = () => Promise.reject(new Error("the limiter is away"));
    return importIt(prepared, { WRITE_LIMIT: { limit } });
  },
};

describe("the log says of a number", () => {
  it.each(Object.entries(LINES))("%s", async (event, provoke) => {
    allowAllErrors();
    const prepared = await prepareImport();
    await provoke(prepared);
    expect(logLines()).toContainEqual(expect.objectContaining({ event, level: "warn" }));
  });
});
