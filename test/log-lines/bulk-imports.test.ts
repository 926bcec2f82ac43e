import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { BulkImport } from "../../src/index.ts";
import { begin, finish, haveAccounts, holdTime, objectOf, prepareBulk, ring } from "../support/bulk.ts";
import { logLines } from "../support/logs.ts";

// The lines about bulk imports that the page of warnings explains.

type Begun = { id: string; end: () => Promise<unknown> };

const LINES: Record<string, (begun: Begun) => Promise<unknown>> = {
  bulk_lane_lost: ({ end }) => {
    vi.spyOn(BulkImport.prototype, "openAccount").mockImplementationOnce(async () => {
      throw new Error("Network connection lost.");
    });
    return end();
  },
  bulk_import_interrupted: async ({ id }) => {
    await runInDurableObject(objectOf(id), (_, { storage }) => void storage.sql.exec("DROP TABLE numbers"));
    await ring(id);
  },
  bulk_import_end_not_noted: async ({ id, end }) => {
    await env.DB.exec("ALTER TABLE phone_number_imports RENAME TO away");
    try {
      await ring(id);
    } finally {
      await env.DB.exec("ALTER TABLE away RENAME TO phone_number_imports");
    }
    await end();
  },
};

describe("the log says of a bulk import", () => {
  it.each(Object.entries(LINES))("%s", async (event, provoke) => {
    holdTime();
    const { parent } = haveAccounts(0, 1);
    const { key, body } = await prepareBulk(parent);
    const id = await begin(key, { ...body, all: true });
    await provoke({ id, end: () => finish(key, id) });
    expect(logLines()).toContainEqual(expect.objectContaining({ event, level: "warn" }));
  });
});
