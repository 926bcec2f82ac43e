import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { buildDocumentation } from "./documentation/build.ts";
import { wrangler } from "./wrangler.ts";

// npm run bundle: builds the bundle as for a deployment, and fails if it is over its budget. A small bundle makes cold
// starts fast.

const BUDGET_KIB = 176;

buildDocumentation();
wrangler(["deploy", "--env=", "--dry-run", "--outdir", "dist"]);
const code = readFileSync("dist/index.js");
const kib = (bytes: number) => bytes / 1024;
const gzip = kib(gzipSync(code, { level: 9 }).length);
console.log(`Bundle: ${kib(code.length).toFixed(1)} KiB, gzip ${gzip.toFixed(1)} KiB of ${BUDGET_KIB} KiB`);
if (gzip > BUDGET_KIB) {
  console.error("The bundle is over its budget.");
  process.exitCode = 1;
}
