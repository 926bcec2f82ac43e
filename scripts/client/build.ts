import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { openApiDocument } from "../../reference/openapi.ts";
import { buildCommandLine } from "./build-cli.ts";
import { routesModule } from "./routes.ts";
import { run } from "./run.ts";

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
  // A request may omit a field that has a default.
  const defaults = "--default-non-nullable=false";
  runOfClient("openapi-typescript/bin/cli.js", source, "--output", join(GENERATED, "openapi.ts"), defaults);
  writeFileSync(join(GENERATED, "routes.ts"), routesModule(document));
  runOfClient("typescript/bin/tsc", "--project", SDK);
  buildCommandLine();
  copyFileSync("LICENSE", join(SDK, "LICENSE"));
}

/** Runs a program of the client's workspace. */
function runOfClient(program: string, ...values: string[]): void {
  const [name = ""] = program.split("/");
  run(process.execPath, join(packageOf(name), program.slice(name.length + 1)), ...values);
}

function packageOf(name: string): string {
  return dirname(require.resolve(`${name}/package.json`));
}
