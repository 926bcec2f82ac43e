import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { openApiDocument } from "../../reference/openapi.ts";
import { buildCommandLine } from "./build-cli.ts";
import { routesModule } from "./routes.ts";

// openapi-typescript makes the types. It needs the compiler API, which TypeScript 7 no longer has. So the client's
// workspace installs it together with TypeScript 5.

const SDK = resolve("sdk");
const GENERATED = join(SDK, "src/generated");

const require = createRequire(join(SDK, "package.json"));

/** Builds the client: types and routes from the document, then JavaScript, declarations and the command line. @throws Error */
export function buildClient(): void {
  const document = openApiDocument();
  mkdirSync(GENERATED, { recursive: true });
  rmSync(join(SDK, "dist"), { recursive: true, force: true });
  const source = join(GENERATED, "openapi.json");
  writeFileSync(source, JSON.stringify(document));
  run("openapi-typescript/bin/cli.js", [
    source,
    "--output",
    join(GENERATED, "openapi.ts"),
    // A request may omit a field that has a default.
    "--default-non-nullable=false",
  ]);
  writeFileSync(join(GENERATED, "routes.ts"), routesModule(document));
  run("typescript/bin/tsc", ["--project", SDK]);
  buildCommandLine();
  copyFileSync("LICENSE", join(SDK, "LICENSE"));
}

/** Runs a program of the client's workspace. Prints nothing unless it fails. */
function run(program: string, args: string[]): void {
  const [name = ""] = program.split("/");
  const bin = join(packageOf(name), program.slice(name.length + 1));
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], { encoding: "utf8" });
  if (status !== 0) throw new Error(`${name} failed:\n${stdout}${stderr}`);
}

function packageOf(name: string): string {
  return dirname(require.resolve(`${name}/package.json`));
}
