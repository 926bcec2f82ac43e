import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { buildDocumentation } from "../../scripts/documentation/build.ts";
import { wrangler } from "../../scripts/wrangler.ts";

const OUT = "dist/bench";

export type Bundle = { code: string; rawKiB: number; gzipKiB: number };

/** A Worker as wrangler would deploy it, built once per run. @param config a wrangler.toml */
export function deployable(config: string): Bundle {
  const known = built.get(config);
  if (known) return known;
  const outdir = `${OUT}/${config.replace(/\W+/g, "-")}`;
  buildDocumentation();
  // wrangler takes outdir relative to the configuration's folder.
  wrangler(["deploy", "--dry-run", "--config", config, "--outdir", `${process.cwd()}/${outdir}`]);
  const entry = /^main = "(?:.*\/)?(.+)\.ts"$/m.exec(readFileSync(config, "utf8"))?.[1];
  const bundle = measured(readFileSync(`${outdir}/${entry}.js`, "utf8"));
  built.set(config, bundle);
  return bundle;
}

const built = new Map<string, Bundle>();

function measured(code: string): Bundle {
  return {
    code,
    rawKiB: Buffer.byteLength(code) / 1024,
    gzipKiB: gzipSync(code, { level: 9 }).length / 1024,
  };
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

/** The peer as JavaScript in a file, its packages left where they are: it need not strip types as it starts. */
export async function peerScript(): Promise<string> {
  const outfile = `${OUT}/peer.js`;
  await build({
    entryPoints: ["bench/peer/server.ts"],
    outfile,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node24",
  });
  return outfile;
}
