import { parseArgs } from "node:util";
import { statusStatements } from "../src/rotation/columns.ts";
import { fail, wranglerJson } from "./wrangler.ts";

// npm run vault:status -- [--remote]: counts the stored values that each sealing key has sealed. A key without values may
// be removed from TOKEN_ENCRYPTION_KEYS.

type Count = { sealed: string; key_id: string; count: number };

try {
  const options = { remote: { type: "boolean" }, "persist-to": { type: "string" } } as const;
  const { values } = parseArgs({ options });
  const persistTo = values["persist-to"];
  const where = values.remote ? ["--remote"] : ["--local", ...(persistTo ? ["--persist-to", persistTo] : [])];
  const command = statusStatements().join("; ");
  const results = wranglerJson(["d1", "execute", "DB", ...where, "--json", "--command", command]) as {
    results: Count[];
  }[];
  const all = results.flatMap((result) => result.results);
  const keys = [...new Set(all.map(({ key_id }) => key_id))].sort();
  for (const key of keys) {
    const counts = all.filter(({ key_id }) => key_id === key);
    const total = counts.reduce((sum, { count }) => sum + count, 0);
    console.log(`${key}: ${total}`);
    for (const { sealed, count } of counts) console.log(`  ${sealed}: ${count}`);
  }
  if (keys.length === 0) console.log("Nothing is sealed.");
} catch (error) {
  fail(error);
}
