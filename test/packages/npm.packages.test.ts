import { writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../command-line/temporary-folder.ts";
import { blocks, run, startWorld, type World } from "./world.ts";

// @nixflex/numbers as npm packs it, in empty folders.

const TOOLS = resolve("test/packages/node_modules");
const [example = "", receiver = ""] = blocks("docs/sdks.md", "js");
const [install = ""] = blocks("docs/sdks.md", "sh");
const [listing = ""] = blocks("sdk/README.md", "js");

let world: World;
let tarball: string;

beforeAll(async () => {
  const folder = temporaryFolder();
  const packed = await run(resolve("."), "npm", [
    "pack",
    "--workspace",
    "sdk",
    "--json",
    "--pack-destination",
    folder,
  ]);
  tarball = join(folder, JSON.parse(packed)[0].filename);
  world = await startWorld();
});
afterAll(() => world?.close());

/** A folder where the commands of docs/sdks.md were run, with the file in place of the registry. */
async function installed(path = process.env.PATH): Promise<{ folder: string; out: string }> {
  const folder = temporaryFolder();
  const commands = install.replace("@nixflex/numbers", `--offline ${tarball}`);
  return { folder, out: await run(folder, "bash", ["-ec", commands], { PATH: path }) };
}

it("holds what it needs, and its licences", async () => {
  const files = (await run(dirname(tarball), "tar", ["tzf", tarball])).split("\n");
  const wanted = ["LICENSE", "README.md", "package.json", "dist/index.js", "dist/index.d.ts", "dist/cli.js"];
  for (const file of [...wanted, "dist/THIRD-PARTY-LICENSES.txt"]) expect(files).toContain(`package/${file}`);
  expect(
    files.filter((file) => !/^package\/(dist\/|LICENSE|README\.md|package\.json|$)|^$/.test(file)),
  ).toEqual([]);
});

it("is what publint and attw find right", async () => {
  const node = process.execPath;
  await run(dirname(tarball), node, [join(TOOLS, "publint/src/cli.js"), "run", "--strict", tarball]);
  // `require` of a module works on each Node.js that is supported; TypeScript does not know of it everywhere.
  const attw = join(TOOLS, "@arethetypeswrong/cli/dist/index.js");
  await run(dirname(tarball), node, [attw, "--profile", "esm-only", tarball]);
});

describe("its types", () => {
  const older = resolve("sdk/node_modules/typescript/bin/tsc");
  const newer = resolve("node_modules/typescript/bin/tsc");
  it.each([
    ["TypeScript 5.9", "node16", "node16", older],
    ["TypeScript 7", "node16", "node16", newer],
    ["TypeScript 7", "bundler", "esnext", newer],
  ])("resolve for %s with moduleResolution %s", async (_, moduleResolution, module, tsc) => {
    const { folder } = await installed();
    const typeRoots = [resolve("node_modules/@types")];
    const strict = { strict: true, exactOptionalPropertyTypes: true, noEmit: true };
    const compilerOptions = {
      ...strict,
      module,
      moduleResolution,
      target: "es2022",
      types: ["node"],
      typeRoots,
    };
    writeFileSync(join(folder, "package.json"), '{"type":"module"}');
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
    for (const [index, code] of [example, receiver, listing].entries())
      writeFileSync(join(folder, `example-${index}.ts`), code);
    const misspelt = "  // @ts-expect-error: there is no such field\n  number.no_such_field;\n";
    writeFileSync(join(folder, "misspelt.ts"), listing.replace(/^ {2}console.*\n/m, misspelt));
    await run(folder, process.execPath, [tsc]);
  });
});

describe.each(["20", "22", "24"])("on Node.js %s", (version) => {
  const bin = join(TOOLS, `node${version}/bin`);
  const env = { PATH: `${bin}:${process.env.PATH}` };
  let folder: string;
  let out: string;
  beforeAll(async () => {
    ({ folder, out } = await installed(env.PATH));
  });

  const runBlock = (code: string) => {
    writeFileSync(join(folder, "example.mjs"), code);
    return run(folder, join(bin, "node"), ["example.mjs"]);
  };

  it("installs and runs as docs/sdks.md says", async () => {
    expect(await run(folder, "node", ["--version"], env)).toMatch(new RegExp(`^v${version}\\.`));
    expect(out).toContain("Usage: nixflex-numbers");
    const { code, number } = world.asReader(example);
    expect(await runBlock(code)).toContain(`imported ${number}\n`);
    expect(await runBlock(code)).toContain(`${number} agent_`);
    expect(await runBlock(world.asReader(listing).code)).toContain(`${number} ok\n`);
  });

  it("is a command line", async () => {
    const signedIn = { ...env, NIXFLEX_BASE_URL: world.url.replace(/\/$/, ""), NIXFLEX_API_KEY: world.key };
    const agents = await run(folder, "node_modules/.bin/nixflex-numbers", ["agents", "list"], signedIn);
    expect(agents).toContain("Receptionist");
  });

  it("verifies events", async () => {
    writeFileSync(join(folder, "receiver.mjs"), receiver);
    await world.tryReceiver(folder, join(bin, "node"), ["receiver.mjs"]);
  });
});
