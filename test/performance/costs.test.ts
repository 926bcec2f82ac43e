import { describe, expect, it } from "vitest";
import page from "../../docs/costs.md?raw";
import { ACCOUNTS_PER_MESSAGE } from "../../src/reconciliation/check-due.ts";
import { CHECK_INTERVAL_MS, QUIET_CHECK_INTERVAL_MS } from "../../src/twilio-accounts/due-store.ts";
import { scenarios } from "./counted.ts";

// docs/costs.md has what is counted, prices and sums.

// A message is written, read and deleted. https://developers.cloudflare.com/queues/platform/pricing/
const OPERATIONS_PER_MESSAGE = 3;

/** The rows of a table of the page, by their first cell. */
function table(heading: string): Map<string, string[]> {
  const [, section = ""] = page.split(`## ${heading}\n`);
  const rows = (section.split("\n## ")[0] ?? "").match(/^\|.*\|$/gm) ?? [];
  return new Map(
    rows.map((line) => {
      const [name = "", ...cells] = line
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim());
      return [name, cells];
    }),
  );
}

// The last one is the sum.
const columns = table("What is used").get("one")?.slice(0, -1) ?? [];
const used = (name: string) =>
  new Map(columns.map((column, index) => [column, Number(table("What is used").get(name)?.[index])]));

/** Of a million. */
const priceOf = (column: string) => Number(/^\$([\d.]+)$/.exec(table("Prices").get(column)?.[0] ?? "")?.[1]);

/** How many millions cost nothing. An object has 128 MB. */
function includedOf(column: string): number {
  const [, number = "0", unit] = /^([\d.,]+) (\S+)/.exec(table("Prices").get(column)?.[1] ?? "") ?? [];
  const included = Number(number.replaceAll(",", ""));
  if (unit === "GB-s") return (included * 1_000) / 0.128 / 1e6;
  return unit === "billion" ? included * 1_000 : included;
}

describe("docs/costs.md", () => {
  it.each(Object.entries(scenarios))(
    "counts what %s uses",
    async (name, measure) => {
      const counted = await measure();
      const written = used(name);
      expect({
        requests: written.get("requests"),
        rowsRead: written.get("D1 rows read"),
        rowsWritten: written.get("D1 rows written"),
        objectRequests: written.get("object requests"),
        objectRowsWritten: written.get("object rows written"),
        logLines: written.get("log lines"),
        dataPoints: written.get("data points"),
      }).toEqual(counted);
    },
    30_000,
  );

  it("knows what a message costs that checks many accounts", () => {
    for (const name of Object.keys(scenarios)) {
      const ofChecks = name.startsWith("a check") ? OPERATIONS_PER_MESSAGE / ACCOUNTS_PER_MESSAGE : 0;
      expect(used(name).get("queue operations"), name).toBe(ofChecks);
    }
  });

  it("knows what the checks of a month cost", () => {
    const price = Number(table("What is used").get("a check of an account in order")?.at(-1)?.slice(1));
    const cost = (accounts: number, hours: number) =>
      `$${((accounts * 720 * price) / hours / 1e6).toFixed(2)}`;
    const bullet = page.split("- **Checks.**")[1]?.split("\n- ")[0] ?? "";
    expect(bullet.match(/\$\d+\.\d\d/g)).toEqual([cost(1_000, 1), cost(200_000, 6)]);
    // The cron comes every quarter of an hour.
    expect([CHECK_INTERVAL_MS, QUIET_CHECK_INTERVAL_MS].map((ms) => Math.ceil(ms / 900_000) / 4)).toEqual([
      1, 6,
    ]);
  });

  it.each(Object.keys(scenarios))("adds up what a million of them cost: %s", (name) => {
    const sum = [...used(name)].reduce((total, [column, quantity]) => total + priceOf(column) * quantity, 0);
    expect(table("What is used").get(name)?.at(-1)).toBe(`$${sum.toFixed(2)}`);
  });

  it.each(["small", "middle", "big"])("adds up what a %s deployment costs in a month", (size) => {
    const rows = table("What a month costs");
    const place = rows.get("in thousands")?.indexOf(size) ?? -1;
    const sum = columns.reduce((total, column) => {
      const quantity = Object.keys(scenarios).reduce((quantities, name) => {
        const thousands = Number(rows.get(name)?.[place]?.replaceAll(",", "") ?? 0);
        return quantities + ((used(name).get(column) ?? 0) * thousands) / 1_000;
      }, 0);
      return total + Math.max(0, quantity - includedOf(column)) * priceOf(column);
    }, 5);
    expect(rows.get("sum")?.[place]).toBe(`$${sum.toFixed(2)}`);
  });
});
