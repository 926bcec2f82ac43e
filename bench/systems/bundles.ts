import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { buildDocumentation } from "../../scripts/documentation/build.ts";
import { wrangler } from "../../scripts/wrangler.ts";

export type Bundle = { code: string; gzipKiB: number };

let built: Bundle | undefined;

/** The Worker as wrangler would deploy it, built once per run. */
export function deployable(): Bundle {
  if (built) return built;
  buildDocumentation();
  const outdir = resolve("dist/bench");
  wrangler(["deploy", "--dry-run", "--outdir", outdir]);
  const code = readFileSync(`${outdir}/index.js`, "utf8");
  built = { code, gzipKiB: gzipSync(code, { level: 9 }).length / 1024 };
  return built;
}

/** One of the small Workers of `bench/workers`, as JavaScript. */
export async function small(name: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [`bench/workers/${name}.ts`],
    bundle: true,
    write: false,
    format: "esm",
    target: "esnext",
    external: ["cloudflare:workers", "./index.js", "*.txt"],
  });
  return outputFiles[0]?.text ?? "";
}
