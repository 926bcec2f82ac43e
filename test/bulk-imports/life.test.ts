import { beforeEach, describe, expect, it, vi } from "vitest";
import { begin, finish, haveAccounts, holdTime, prepareBulk, resultsOf } from "../support/bulk.ts";
import { logLines } from "../support/logs.ts";
import { twilio } from "../support/twilio.ts";
import { rows } from "../support/worker.ts";

beforeEach(holdTime);

describe("a bulk import", () => {
  it("imports every number of an account and its subaccounts, each with its own account's token", async () => {
    const { parent, numbers } = haveAccounts(3, 2);
    const { key, body } = await prepareBulk(parent);
    const id = await begin(key, { ...body, all: true, include_subaccounts: true });
    const status = await finish(key, id);
    expect(status).toMatchObject({ status: "completed", total: 8, counts: { imported: 8, waiting: 0 } });
    const results = await resultsOf(key, id);
    expect(results.map(({ phone_number }) => phone_number).sort()).toEqual(
      numbers.map(({ phone_number }) => phone_number).sort(),
    );
    expect(await rows("twilio_accounts")).toHaveLength(4);
  });
});

it("a bulk import that lasts longer than one run goes on at once", async () => {
  const { parent } = haveAccounts(0, 12);
  const { key, body } = await prepareBulk(parent);
  const id = await begin(key, { ...body, all: true });
  const startedAt = Date.now();
  twilio.faults.take = () => {
    vi.setSystemTime(Date.now() + 3_000);
    return undefined;
  };
  const { counts } = await finish(key, id);
  expect(counts.imported).toBe(12);
  // Three requests of Twilio's for each number, and no pause.
  expect(Date.now() - startedAt).toBeLessThan(13 * 3 * 3_000);
  expect(logLines().filter(({ level }) => level === "warn")).toEqual([]);
});
