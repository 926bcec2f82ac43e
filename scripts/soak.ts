import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { fail } from "./wrangler.ts";

// npm run test:soak -- --minutes N: runs random histories with new seeds, until the time is over or a history fails.
// test/faults explains them; test/outbound/histories.test.ts has those of calls and texts that are sent.

try {
  const { values } = parseArgs({ options: { minutes: { type: "string", default: "10" } } });
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new Error("--minutes must be a number above 0.");
  const files = ["test/faults", "test/outbound/histories.test.ts"];
  // The verbose reporter says how many histories there were.
  const { status } = spawnSync("npx", ["vitest", "run", "--reporter=verbose", ...files], {
    stdio: "inherit",
    env: { ...process.env, SOAK_MINUTES: String(minutes) },
  });
  process.exitCode = status ?? 1;
} catch (error) {
  fail(error);
}
