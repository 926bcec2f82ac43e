import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BulkImport } from "../../src/bulk-imports/object.ts";
import {
  type BulkResult,
  begin,
  finish,
  haveAccounts,
  holdTime,
  objectOf,
  prepareBulk,
  resultsOf,
  statusOf,
} from "../support/bulk.ts";
import { clearDatabase } from "../support/database.ts";
import { allowAllErrors, logLines, startLogs } from "../support/logs.ts";
import { startTwilio, twilio } from "../support/twilio.ts";
import { BASE, rows } from "../support/worker.ts";
import { type Effect, effects } from "../twilio-simulator/faults.ts";
import type { NumberResource } from "../twilio-simulator/resource.ts";

// Bulk imports among faults of Twilio, deaths of their objects and of who works for them: every number is imported once or
// reported with its reason.

const SOAK = Number(env.SOAK_MINUTES) > 0;
const [SUBACCOUNTS, EACH] = SOAK ? [199, 25] : [19, 10];

const EFFECTS: readonly Effect[] = [
  effects.reset,
  effects.replyLost,
  effects.serverErrorHtml,
  effects.appliedButServerError,
  effects.appliedButNotJson,
  effects.invalidUrl,
  effects.authenticate,
  effects.ignored,
];

/** `deaths`: at which of Twilio's requests the job's object dies. `lost`: how often the answer of a lane is lost. */
type World = { seed: number; share: number; lost: number; deaths: number[] };

const world: fc.Arbitrary<World> = fc.record({
  seed: fc.integer(),
  share: fc.constantFrom(0.02, 0.1),
  lost: fc.constantFrom(0.01, 0.05),
  deaths: fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 2, maxLength: 2 }),
});

/** Numbers from 0 to 1 that a seed decides (mulberry32). */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Lanes whose answers are lost: the work is not done, or done and nobody hears of it. */
function loseAnswers(next: () => number, lost: number): void {
  for (const method of ["importNumber", "openAccount"] as const) {
    const work = BulkImport.prototype[method] as (this: BulkImport, order: never) => Promise<never>;
    const lossy = async function (this: BulkImport, order: never) {
      const dice = next();
      if (dice < lost / 2) throw new Error("Network connection lost.");
      const report = await work.call(this, order);
      if (dice < lost) throw new Error("Network connection lost.");
      return report;
    };
    vi.spyOn(BulkImport.prototype, method).mockImplementation(lossy as never);
  }
}

/** From now on some requests and answers go wrong, and the job's object dies at some of them. */
function disturb(id: string, { seed, share, lost, deaths }: World): void {
  const next = random(seed);
  const left = new Set(deaths);
  let requests = 0;
  loseAnswers(next, lost);
  twilio.faults.take = () => {
    requests += 1;
    if (left.delete(requests)) {
      const death = runInDurableObject(objectOf(id), (_, state) => state.abort("the power is out"));
      void death.catch(() => undefined);
    }
    return next() < share ? EFFECTS[Math.floor(next() * EFFECTS.length)] : undefined;
  };
}

type Row = { phone_number: string; state: string };

function check(results: BulkResult[], stored: Row[], numbers: NumberResource[]): void {
  const states = new Map(stored.map(({ phone_number, state }) => [phone_number, state]));
  const held = new Map(numbers.map((number) => [number.phone_number, number]));
  for (const { phone_number: name, outcome, error } of results) {
    const isOurs = held.get(name)?.voice_url?.startsWith(BASE) ?? false;
    if (outcome === "imported") {
      expect([name, states.get(name), isOurs]).toEqual([name, "active", true]);
      continue;
    }
    expect([name, outcome, error?.code]).toEqual([name, "failed", expect.any(String)]);
    expect([name, states.get(name)]).not.toEqual([name, "active"]);
    // What an attempt left half-way has a row, so recovery undoes it.
    if (isOurs) expect([name, states.get(name)]).toEqual([name, "importing"]);
  }
  const imported = logLines().filter(({ event }) => event === "number_imported");
  expect(new Set(imported.map(({ phone_number }) => phone_number)).size).toBe(imported.length);
}

/** The credentials are gone when the job has ended. */
async function expectNoTokens(id: string): Promise<void> {
  await runInDurableObject(objectOf(id), (_, { storage: { sql } }) => {
    expect(sql.exec("SELECT 1 FROM accounts WHERE auth_token_sealed IS NOT NULL").toArray()).toEqual([]);
  });
}

beforeEach(holdTime);

afterEach(() => {
  vi.useRealTimers();
});

describe("whatever happens", () => {
  it("every number is imported once, or reported with its reason", { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(world, async (some) => {
        vi.restoreAllMocks();
        await clearDatabase();
        startLogs();
        startTwilio();
        vi.spyOn(Math, "random").mockReturnValue(0);
        allowAllErrors();
        const { parent, numbers } = haveAccounts(SUBACCOUNTS, EACH);
        const { key, body } = await prepareBulk(parent);
        const id = await begin(key, { ...body, all: true, include_subaccounts: true });
        disturb(id, some);
        await finish(key, id);
        const results = await resultsOf(key, id);
        const { account_errors } = await statusOf(key, id);
        check(results, await rows<Row>("phone_numbers"), [...twilio.state.numbers.values()]);
        const refused = new Set(account_errors.map(({ twilio_sid }) => twilio_sid));
        const known = new Set(results.map(({ phone_number }) => phone_number));
        // Without its parent nobody knows of an account.
        for (const { account_sid, phone_number } of numbers) {
          if (!refused.has(parent.sid) && !refused.has(account_sid)) expect(known).toContain(phone_number);
        }
        expect(results).toHaveLength(known.size);
        await expectNoTokens(id);
      }),
      { numRuns: 1, endOnFailure: true },
    );
  });
});
