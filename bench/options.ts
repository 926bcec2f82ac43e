import { parseArgs } from "node:util";

export const SECTION_NAMES = ["import", "voice", "cold", "talk", "job", "events", "fleet", "part"] as const;
export type SectionName = (typeof SECTION_NAMES)[number];

/** What `USAGE` says; `rounds`: how often each thing is measured. */
export type Options = {
  sections: readonly SectionName[];
  quick: boolean;
  rounds: number;
  accounts: number;
  minutes: number;
};

export const USAGE = `Usage: npm run bench -- [--only ${SECTION_NAMES.join(",")}] [--accounts N] [--minutes N] [--quick]

  --only      some of the sections, comma separated; all but fleet and part without it
  --accounts  how many accounts the fleet has, 20,000 without it
  --minutes   how long one part of a key is loaded, 10 without it
  --quick     three rounds and short runs, to try it out; docs/performance.md is left alone`;

/** @throws Error on an argument that does not exist */
export function readOptions(args: string[]): Options {
  const options = {
    only: { type: "string" },
    accounts: { type: "string", default: "20000" },
    minutes: { type: "string", default: "10" },
    quick: { type: "boolean", default: false },
  } as const;
  const { only, accounts, minutes, quick } = parseArgs({ args, options }).values;
  const wanted = only?.split(",") ?? SECTION_NAMES.filter((name) => name !== "fleet" && name !== "part");
  const unknown = wanted.filter((name) => !SECTION_NAMES.includes(name as SectionName));
  if (unknown.length > 0) throw new Error(`--only does not know ${unknown.join(", ")}.`);
  if (!/^[1-9]\d*$/.test(accounts)) throw new Error("--accounts must be a number.");
  if (!/^[1-9]\d*$/.test(minutes)) throw new Error("--minutes must be a number.");
  const sections = SECTION_NAMES.filter((name) => wanted.includes(name));
  return { sections, quick, rounds: quick ? 3 : 7, accounts: Number(accounts), minutes: Number(minutes) };
}
