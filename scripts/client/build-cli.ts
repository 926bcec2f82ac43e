import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { buildSync } from "esbuild";

const SDK = resolve("sdk");
const DIST = join(SDK, "dist");

/**
 * Builds the command line into one file, with the libraries it uses, so that the package has no dependencies.
 *
 * Their licences ask for their text beside every copy.
 */
export function buildCommandLine(): void {
  const { version } = JSON.parse(readFileSync(join(SDK, "package.json"), "utf8"));
  const { metafile } = buildSync({
    entryPoints: [join(SDK, "cli/index.ts")],
    outfile: join(DIST, "cli.js"),
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    define: { VERSION: JSON.stringify(version) },
    // Libraries in CommonJS, such as commander, ask for Node's modules with `require`.
    banner: {
      js: '#!/usr/bin/env node\nimport { createRequire } from "node:module";\nconst require = createRequire(import.meta.url);',
    },
    metafile: true,
  });
  writeFileSync(join(DIST, "THIRD-PARTY-LICENSES.txt"), licencesOf(Object.keys(metafile.inputs)));
}

function licencesOf(files: readonly string[]): string {
  const folders = new Set(
    files.flatMap((file) => file.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0] ?? []),
  );
  const texts = [...folders].sort().map((folder) => {
    const { name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    if (file === undefined) throw new Error(`${name} has no licence file`);
    return `${name} ${version}\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
  });
  return texts.join(`\n${"-".repeat(80)}\n\n`);
}
