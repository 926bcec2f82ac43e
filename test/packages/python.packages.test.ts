import { spawnSync } from "node:child_process";
import { globSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PYTHON } from "../../scripts/client/build-python.ts";
import { temporaryFolder } from "../command-line/temporary-folder.ts";
import { blocks, run, startWorld, type World } from "./world.ts";

// nixflex-numbers as it is uploaded to PyPI, in an empty virtual environment.

const PACKAGE = resolve("sdk/python");
const [waiting = "", awaiting = "", receiver = ""] = blocks("docs/sdks.md", "python");
const [, install = ""] = blocks("docs/sdks.md", "sh");
const [listing = ""] = blocks("sdk/python/README.md", "python");

/** Those that it promises, as far as this machine has them; a release is tried on all. */
const PYTHONS = new Map(
  ["python3.11", "python3.12", "python3.13", "python3.14", "python3"].flatMap((command) => {
    const code = "import platform, sys; print(platform.python_version(), sys.executable)";
    const { status, stdout } = spawnSync(command, ["-c", code], { encoding: "utf8" });
    const [version = "", path = ""] = (stdout ?? "").trim().split(" ");
    return status === 0 ? [[version, path] as const] : [];
  }),
);

let world: World;

beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.close());

/** A folder where the commands of docs/sdks.md were run, with the file in place of the registry. */
async function installed(path = "python3"): Promise<string> {
  const [wheel = ""] = globSync(join(PACKAGE, "dist/*.whl"));
  const folder = temporaryFolder();
  const commands = install.replace("nixflex-numbers", wheel).replace("python3", path);
  await run(folder, "bash", ["-ec", commands]);
  return folder;
}

describe.each([...PYTHONS])("on Python %s", (version, path) => {
  let folder: string;
  beforeAll(async () => {
    folder = await installed(path);
  });

  const python = (...values: string[]) => run(folder, ".venv/bin/python3", values);
  function runBlock(code: string): Promise<string> {
    writeFileSync(join(folder, "example.py"), code);
    return python("example.py");
  }

  it("passes its own tests", async () => {
    expect(await python("--version")).toBe(`Python ${version}\n`);
    await python("-m", "unittest", "discover", join(PACKAGE, "tests"));
  });

  it("runs as docs/sdks.md says", async () => {
    const { code, number } = world.asReader(waiting);
    expect(await runBlock(code)).toContain(`imported ${number}\n${number} agent_`);
    expect(await runBlock(code)).toContain("number_already_imported");
    expect(await runBlock(world.asReader(awaiting).code)).toBe("Receptionist\n");
    expect(await runBlock(world.asReader(listing).code)).toContain(`${number} ok\n`);
  });

  it("verifies events", async () => {
    writeFileSync(join(folder, "receiver.py"), receiver);
    await world.tryReceiver(folder, ".venv/bin/python3", ["receiver.py"]);
  });
});

describe("its types", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await installed();
  });

  // mypy stands in the environment that builds the package, and looks into the one where it is installed.
  const mypy = (...values: string[]) =>
    run(folder, resolve(PYTHON), [
      "-m",
      "mypy",
      "--strict",
      "--python-executable",
      ".venv/bin/python3",
      ...values,
    ]);

  it("are those of strict users, and its own code's", async () => {
    for (const [index, code] of [waiting, awaiting, receiver, listing].entries())
      writeFileSync(join(folder, `typed_${index}.py`), code);
    await mypy(...globSync(join(folder, "typed_*.py")));
    await run(PACKAGE, resolve(PYTHON), ["-m", "mypy", "src", "tests"], { MYPYPATH: "src" });
  });

  it("find a misspelt field", async () => {
    writeFileSync(join(folder, "wrong.py"), listing.replace('"phone_number"', '"no_such_field"'));
    await expect(mypy("wrong.py")).rejects.toThrow("no_such_field");
    writeFileSync(
      join(folder, "wrong.py"),
      listing.replace("iter_phone_numbers()", "iter_phone_numbers(helth=1)"),
    );
    await expect(mypy("wrong.py")).rejects.toThrow("helth");
  });
});
