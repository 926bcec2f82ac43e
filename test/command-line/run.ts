import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";

const PROGRAM = resolve("sdk/dist/cli.js");

/** What was run in this file of tests: each command's first two words. */
export const ran = new Set<string>();

export type Run = { code: number | null; out: string; err: string };

/** Somebody at a shell with a home of their own, where nothing is a terminal. */
export function createPerson() {
  const home = mkdtempSync(join(tmpdir(), "nixflex-numbers-"));
  const person = {
    home,
    env: { HOME: home, XDG_CONFIG_HOME: join(home, "config"), PATH: process.env.PATH } as NodeJS.ProcessEnv,
    settings: join(home, "config", "nixflex-numbers", "config.json"),
    async run(args: readonly string[], input = "", program = PROGRAM): Promise<Run> {
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

export type Person = ReturnType<typeof createPerson>;
