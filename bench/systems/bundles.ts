import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { buildDocumentation } from "../../scripts/documentation/build.ts";
import { wrangler } from "../../scripts/wrangler.ts";

export type Bundle = { code: string; rawKiB: number; gzipKiB: number };

const built = new Map<string, Bundle>();

/** The Worker of another checkout of the repository, whose dependencies are there. */
export function deployableOf(directory: string): string {
  const outdir = resolve("dist/bench/before");
  const build = `npm run docs:build && npx wrangler deploy --dry-run --outdir ${outdir}`;
  const { status, stderr } = spawnSync("sh", ["-c", build], { cwd: directory, encoding: "utf8" });
  if (status !== 0) throw new Error(`the Worker in ${directory} cannot be built: ${stderr}`);
  return readFileSync(`${outdir}/index.js`, "utf8");
}

/** A Worker as wrangler would deploy it, built once per run. */
export function deployable(entry: string, config = "wrangler.toml"): Bundle {
  const known = built.get(entry);
  if (known) return known;
  buildDocumentation();
  const outdir = resolve("dist/bench", entry.replace(/\W+/g, "-"));
  wrangler(["deploy", entry, "--dry-run", "--outdir", outdir, "--config", config]);
  const code = readFileSync(`${outdir}/${basename(entry, ".ts")}.js`, "utf8");
  const gzipKiB = gzipSync(code, { level: 9 }).length / 1024;
  const bundle = { code, rawKiB: Buffer.byteLength(code) / 1024, gzipKiB };
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
