import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { RECONCILIATION } from "../../src/queues.ts";
import { deliverQueued, runCron } from "../support/consume.ts";
import { prepareImport } from "../support/import.ts";
import { metered, newMeter } from "../support/metered-database.ts";
import { reconcile } from "../support/reconciliation.ts";
import { operations, twilio } from "../support/twilio.ts";
import { call } from "../support/worker.ts";
import { addNumber } from "../twilio-simulator/state.ts";

// What a check costs is counted here; how long those of many accounts take is measured by `npm run bench:fleet`.

/** An account in which more and more numbers are imported; and what checking it costs each time. */
async function prepare() {
  const { account, key, body } = await prepareImport();
  const importOne = async (phone_number: string) => {
    const response = await call("POST", "/v1/phone-numbers", key, { ...body, phone_number });
    expect(response.status).toBe(201);
  };
  await importOne(body.phone_number);
  let numbers = 1;
  const check = async (count: number) => {
    for (; numbers < count; numbers += 1) {
      const phone_number = `+1500555${String(numbers).padStart(4, "0")}`;
      addNumber(twilio.state, account, { phone_number });
      await importOne(phone_number);
    }
    // The first check of a number also reads whether its texts arrive.
    await reconcile();
    await env.DB.prepare("UPDATE twilio_accounts SET next_check_at = '2020'").run();
    await runCron("*/15 * * * *");
    twilio.state.requests.length = 0;
    const meter = newMeter();
    await deliverQueued(RECONCILIATION, { DB: metered(env.DB, meter) });
    return { ...meter, calls: operations() };
  };
  // The first check of an account reads a routing record as well.
  await check(1);
  return check;
}

const FEW = 5;
const MANY = 25;

describe("the check of an account whose numbers are all in order", () => {
  it("costs one call to Twilio and four round trips to D1, and one that finds no other account due", async () => {
    const check = await prepare();
    for (const numbers of [FEW, MANY]) {
      expect(await check(numbers)).toMatchObject({ calls: ["list"], trips: 5 });
    }
  });

  it("reads fewer than three rows for each, and writes none", async () => {
    const check = await prepare();
    const few = await check(FEW);
    const many = await check(MANY);
    expect((many.rowsRead - few.rowsRead) / (MANY - FEW)).toBeGreaterThanOrEqual(1);
    expect((many.rowsRead - few.rowsRead) / (MANY - FEW)).toBeLessThan(3);
    expect(many.rowsWritten).toBe(few.rowsWritten);
  });
});
