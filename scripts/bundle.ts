import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { buildDocumentation } from "./documentation/build.ts";
import { wrangler } from "./wrangler.ts";

// npm run bundle: builds the bundle as for a deployment, and fails if it is over its budget. A fresh isolate parses all of
// it before it answers its first call, and evaluates what that call needs and the objects.

/** What is sent, compressed. */
const BUDGET_GZIP_KIB = 184;
/** What is evaluated before the first call: every module but those behind an `import()`. */
const BUDGET_EAGER_KIB = 230;

type Metafile = {
  inputs: Record<string, { imports: { path: string; kind: string; external?: boolean }[] }>;
  outputs: Record<string, { entryPoint?: string; inputs: Record<string, { bytesInOutput: number }> }>;
};

/** The modules that the entry point imports, directly or not, and itself. */
function eagerModules({ inputs }: Metafile, entryPoint: string): Set<string> {
  const eager = new Set([entryPoint]);
  for (const module of eager) {
    for (const { path, kind, external } of inputs[module]?.imports ?? [])
      if (kind !== "dynamic-import" && !external) eager.add(path);
  }
  return eager;
}

buildDocumentation();
wrangler(["deploy", "--env=", "--dry-run", "--outdir", "dist", "--metafile"]);
const code = readFileSync("dist/index.js");
const metafile = JSON.parse(readFileSync("dist/bundle-meta.json", "utf8")) as Metafile;
const output = Object.values(metafile.outputs).find(({ entryPoint }) => entryPoint !== undefined);
if (!output?.entryPoint) throw new Error("wrangler's metafile names no entry point.");
const eager = eagerModules(metafile, output.entryPoint);
const eagerBytes = Object.entries(output.inputs)
  .filter(([module]) => eager.has(module))
  .reduce((sum, [, { bytesInOutput }]) => sum + bytesInOutput, 0);

const kib = (bytes: number) => bytes / 1024;
console.log(
  `Bundle: ${kib(code.length).toFixed(1)} KiB. ${eager.size} modules are evaluated before the first call.`,
);
for (const [name, measured, budget] of [
  ["gzip", kib(gzipSync(code, { level: 9 }).length), BUDGET_GZIP_KIB],
  ["evaluated before the first call", kib(eagerBytes), BUDGET_EAGER_KIB],
] as const) {
  console.log(`- ${name}: ${measured.toFixed(1)} KiB of ${budget} KiB`);
  if (measured <= budget) continue;
  console.error(`The bundle is over its budget: ${name}.`);
  process.exitCode = 1;
}
