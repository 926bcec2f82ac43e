import { env } from "cloudflare:workers";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { clearDatabase } from "../support/database.ts";
import { allowAllErrors, restartLogs } from "../support/logs.ts";
import { startOutboxes } from "../support/outbox.ts";
import { startQueue } from "../support/queue.ts";
import { startTwilio } from "../support/twilio.ts";
import { history, type Moment } from "./history.ts";
import { expectTruth } from "./invariants.ts";
import { live, settle } from "./take.ts";
import { startWitness } from "./witness.ts";
import { createWorld } from "./world.ts";

// The real Worker, the real D1 and the real consumer against the simulator, through random histories with faults at every
// boundary. A history that fails is shrunk; what is learnt from it becomes a named test below.

const HISTORIES = 25;

async function liveThrough(moments: readonly Moment[]): Promise<void> {
  await startOutboxes();
  await clearDatabase();
  startQueue();
  startTwilio();
  const world = await createWorld();
  const witness = startWitness();
  try {
    for (const moment of moments) await live(world, moment);
    await settle(world);
    await expectTruth(world);
    await witness.expectOrder(world.customer.events());
  } finally {
    witness.end();
  }
  restartLogs();
}

describe("whatever happens", () => {
  const prepare = () => {
    allowAllErrors();
    // No retry waits: what matters here is what is tried and not when.
    vi.spyOn(Math, "random").mockReturnValue(0);
  };

  it(`each number is true in the end (${HISTORIES} histories)`, { timeout: 240_000 }, async () => {
    prepare();
    await fc.assert(fc.asyncProperty(history, liveThrough), { numRuns: HISTORIES, endOnFailure: false });
  });

  const soakMinutes = Number(env.SOAK_MINUTES);
  it.runIf(soakMinutes > 0)(
    "and on and on",
    { timeout: soakMinutes * 60_000 + 600_000 },
    async ({ annotate }) => {
      prepare();
      const until = Date.now() + soakMinutes * 60_000;
      let count = 0;
      const counted = async (moments: Moment[]) => {
        await liveThrough(moments);
        count += 1;
      };
      while (Date.now() < until) {
        const seed = Number.parseInt(crypto.randomUUID().slice(0, 8), 16) | 0;
        await fc.assert(fc.asyncProperty(history, counted), { numRuns: 20, seed });
        await annotate(`${count} histories`);
      }
      expect(count).toBeGreaterThan(0);
    },
  );
});
