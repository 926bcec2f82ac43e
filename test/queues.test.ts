import { expect, it } from "vitest";
import { RECONCILIATION } from "../src/queues.ts";
import { deliverQueued } from "./support/consume.ts";

it("takes the queue of production and of staging, and no other", async () => {
  for (const queue of [RECONCILIATION, `${RECONCILIATION}-staging`])
    expect(await deliverQueued(queue)).toEqual({ acked: [], retried: [] });
  await expect(deliverQueued("another")).rejects.toThrow('no consumer for the queue "another"');
});
