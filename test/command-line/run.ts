import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { temporaryFolder } from "./temporary-folder.ts";

const PROGRAM = resolve("sdk/dist/cli.js");

/** What was run in this file of tests: each command's first two words. */
export const ran = new Set<string>();

export type Run = { code: number | null; out: string; err: string };

const load = createRequire(import.meta.url)("./load.cjs") as (url: string) => Promise<unknown>;

let runs = 0;
let before: Promise<unknown> = Promise.resolve();

/** Somebody at a shell with a home of their own, where nothing is a terminal. */
export function createPerson() {
  const home = temporaryFolder();
  const person = {
    home,
    env: { HOME: home, XDG_CONFIG_HOME: join(home, "config"), PATH: process.env.PATH } as NodeJS.ProcessEnv,
    settings: join(home, "config", "nixflex-numbers", "config.json"),
    /** Runs the built program, one run after the other. A process for each would take most of the time. */
    async run(args: readonly string[], input = ""): Promise<Run> {
      for (const words of [1, 2]) ran.add(args.slice(0, words).join(" "));
      const run = before.then(() => runHere(args, input, person));
      before = run.catch(() => {});
      return run;
    },
    /** Runs a program as a process. */
    async start(args: readonly string[], input = "", program = PROGRAM): Promise<Run> {
      for (const words of [1, 2]) ran.add(args.slice(0, words).join(" "));
      const child = spawn(process.execPath, [program, ...args], { cwd: home, env: person.env });
      child.stdin.on("error", () => {}).end(input);
      const ended = new Promise<number | null>((done) => child.on("close", done));
      const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
      return { code: await ended, out, err };
    },
    /** The JSON that a command prints. It must succeed. */
    async json(args: readonly string[], input = "") {
      const { code, out, err } = await person.run([...args, "--json"], input);
      if (code !== 0) throw new Error(`${args.join(" ")}: ${err}`);
      return JSON.parse(out);
    },
  };
  return person;
}

/** Loads the program anew with another command line, home, environment and streams, and puts everything back. */
async function runHere(
  args: readonly string[],
  input: string,
  { home, env }: { home: string; env: NodeJS.ProcessEnv },
): Promise<Run> {
  const here = process.cwd();
  const names = ["argv", "env", "stdin", "stdout", "stderr"] as const;
  const kept = names.map((name) => Object.getOwnPropertyDescriptor(process, name) as PropertyDescriptor);
  const [out, err] = [sink(), sink()];
  const values = [[process.execPath, PROGRAM, ...args], env, Readable.from([input]), out, err];
  names.forEach((name, index) => {
    Object.defineProperty(process, name, { value: values[index], writable: true, configurable: true });
  });
  process.exitCode = undefined;
  process.chdir(home);
  try {
    runs += 1;
    await load(`${pathToFileURL(PROGRAM)}?run=${runs}`);
    return { code: Number(process.exitCode ?? 0), out: out.written(), err: err.written() };
  } finally {
    process.exitCode = undefined;
    process.chdir(here);
    names.forEach((name, index) => {
      Object.defineProperty(process, name, kept[index] as PropertyDescriptor);
    });
  }
}

function sink() {
  let written = "";
  const stream = new Writable({
    decodeStrings: false,
    write(chunk, _, done) {
      written += chunk;
      done();
    },
  });
  return Object.assign(stream, { written: () => written });
}

export type Person = ReturnType<typeof createPerson>;
