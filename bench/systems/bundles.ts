import { readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { buildDocumentation } from "../../scripts/documentation/build.ts";
import { wrangler } from "../../scripts/wrangler.ts";

export type Bundle = { code: string; gzipKiB: number };

const built = new Map<string, Bundle>();

/** A Worker as wrangler would deploy it, built once per run. */
export function deployable(entry = "src/index.ts", config = "wrangler.toml"): Bundle {
  const known = built.get(entry);
  if (known) return known;
  buildDocumentation();
  const name = basename(entry, ".ts");
  const outdir = resolve("dist/bench", name);
  wrangler(["deploy", entry, "--config", config, "--env=", "--dry-run", "--outdir", outdir]);
  const code = readFileSync(`${outdir}/${name}.js`, "utf8");
  const bundle = { code, gzipKiB: gzipSync(code, { level: 9 }).length / 1024 };
  built.set(entry, bundle);
  return bundle;
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
