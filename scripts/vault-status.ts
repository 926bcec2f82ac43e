import { parseArgs } from "node:util";
import { CALL_LOGS, OUTBOXES, objectsStatus, statusStatements } from "../src/rotation/columns.ts";
import { takeTarget } from "./target.ts";
import { fail, wranglerJson } from "./wrangler.ts";

// npm run vault:status -- [--local | --remote] [--env NAME]: how many values in D1 each sealing key holds, and how far event outboxes and call logs have been gone
// through for the first key. A key that holds none may be dropped from TOKEN_ENCRYPTION_KEYS once both are done.

type Count = { sealed: string; key_id: string; count: number };
type Pass = {
  column_name: string;
  key_id: string;
  done_at: string | null;
  found: number;
  passed: number;
  keys: number;
};

try {
  const options = {
    remote: { type: "boolean" },
    local: { type: "boolean" },
    "persist-to": { type: "string" },
  } as const;
  const { target, rest } = takeTarget(process.argv.slice(2));
  const { values } = parseArgs({ args: rest, options });
  const persistTo = values["persist-to"];
  const where = [
    ...(values.remote ? ["--remote"] : ["--local", ...(persistTo ? ["--persist-to", persistTo] : [])]),
    ...target.flags,
  ];
  const command = [...statusStatements(), objectsStatus()].join("; ");
  const results = wranglerJson(["d1", "execute", "DB", ...where, "--json", "--command", command]) as {
    results: (Count | Pass)[];
  }[];
  const passes = (results.pop()?.results ?? []) as Pass[];
  const all = results.flatMap((result) => result.results as Count[]);
  const keys = [...new Set(all.map(({ key_id }) => key_id))].sort();
  for (const key of keys) {
    const counts = all.filter(({ key_id }) => key_id === key);
    const total = counts.reduce((sum, { count }) => sum + count, 0);
    console.log(`${key}: ${total}`);
    for (const { sealed, count } of counts) console.log(`  ${sealed}: ${count}`);
  }
  if (keys.length === 0) console.log("Nothing is sealed in D1.");
  for (const [name, column] of [
    ["event outboxes", OUTBOXES],
    ["call logs", CALL_LOGS],
  ] as const)
    console.log(`${name}: ${describe(passes.find(({ column_name }) => column_name === column))}`);
} catch (error) {
  fail(error);
}

function describe(pass: Pass | undefined): string {
  if (!pass) return "not gone through yet; the cron does it.";
  if (pass.done_at !== null) return `done for ${pass.key_id} at ${pass.done_at}.`;
  return `being gone through for ${pass.key_id}: ${pass.passed} of ${pass.keys} API keys, ${pass.found} sealed anew.`;
}
