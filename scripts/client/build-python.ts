import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openApiDocument } from "../../reference/openapi.ts";
import { clientModule, typesDocument } from "./python.ts";
import { run } from "./run.ts";

const PACKAGE = "sdk/python";
const GENERATED = join(PACKAGE, "src/nixflex_numbers");
/** With what builds and checks the package: sdk/python/requirements.txt. @internal */
export const PYTHON = ".python/bin/python3";

// TypedDicts, so that an answer is what the API sent: a value or a field that the API gets later breaks nobody.
const TYPES = [
  ...["--input-file-type", "openapi", "--output-model-type", "typing.TypedDict"],
  ...["--enum-field-as-literal", "all", "--target-python-version", "3.11", "--use-union-operator"],
  // mypy does not know closed ones yet.
  ...["--no-use-closed-typed-dict", "--use-field-description", "--naming-strategy", "full-path"],
  ...["--formatters", "builtin", "--disable-timestamp"],
];

/** Builds the Python client: the generated modules, then the wheel and the source archive in sdk/python/dist. @throws Error */
export function buildPython(): void {
  if (!existsSync(PYTHON)) run("python3", "-m", "venv", ".python");
  const requirements = join(PACKAGE, "requirements.txt");
  const quietly = ["--quiet", "--disable-pip-version-check", "--no-compile"];
  run(PYTHON, "-m", "pip", "install", ...quietly, "--require-hashes", "-r", requirements);

  const { version } = JSON.parse(readFileSync("sdk/package.json", "utf8"));
  const document = openApiDocument();
  const folder = mkdtempSync(join(tmpdir(), "nixflex-numbers-"));
  try {
    const schemas = join(folder, "openapi.json");
    writeFileSync(schemas, JSON.stringify(typesDocument(document)));
    const output = join(GENERATED, "types.py");
    run(PYTHON, "-m", "datamodel_code_generator", "--input", schemas, "--output", output, ...TYPES);
  } finally {
    rmSync(folder, { recursive: true });
  }
  writeFileSync(join(GENERATED, "_client.py"), clientModule(document));
  writeFileSync(join(GENERATED, "_version.py"), `__version__ = "${version}"\n`);
  copyFileSync("LICENSE", join(PACKAGE, "LICENSE"));
  rmSync(join(PACKAGE, "dist"), { recursive: true, force: true });
  run(PYTHON, "-m", "build", "--no-isolation", "--outdir", join(PACKAGE, "dist"), PACKAGE);
}
