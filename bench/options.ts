import { parseArgs } from "node:util";

export const SECTION_NAMES = [
  "import",
  "voice",
  "talk",
  "cold",
  "load",
  "bulk",
  "job",
  "events",
  "registry",
  "reconcile",
  "fleet",
] as const;
export type SectionName = (typeof SECTION_NAMES)[number];

/** Sections that take minutes each. */
const LONG: readonly SectionName[] = ["registry", "reconcile", "fleet"];

export type Options = {
  sections: readonly SectionName[];
  /** Few rounds and short runs, for trying the bench out. Nothing is written. */
  quick: boolean;
  /** How often each thing is measured. */
  rounds: number;
  /** A checkout of the version before event outboxes, with its dependencies, to compare with. */
  before: string | undefined;
  /** How many accounts the fleet has. */
  accounts: number;
};

const ACCOUNTS = 200_000;

export const USAGE = `Usage: npm run bench -- [--only ${SECTION_NAMES.join(",")}] [--before DIRECTORY] [--accounts N] [--quick]

  --only      some of the sections, comma separated; all but registry, reconcile and fleet without it
  --before    a checkout of the version before event outboxes, to compare events with
  --accounts  how many accounts the fleet has, 200,000 without it
  --quick     three rounds and short runs, to try it out; docs/performance.md is left alone`;

/** @throws Error on an argument that does not exist */
export function readOptions(args: string[]): Options {
  const options = {
    only: { type: "string" },
    before: { type: "string" },
    accounts: { type: "string", default: String(ACCOUNTS) },
    quick: { type: "boolean", default: false },
  } as const;
  const { only, before, accounts, quick } = parseArgs({ args, options }).values;
  const wanted = only?.split(",") ?? SECTION_NAMES.filter((name) => !LONG.includes(name));
  const unknown = wanted.filter((name) => !SECTION_NAMES.includes(name as SectionName));
  if (unknown.length > 0) throw new Error(`--only does not know ${unknown.join(", ")}.`);
  if (!/^[1-9]\d*$/.test(accounts)) throw new Error("--accounts must be a number.");
  const sections = SECTION_NAMES.filter((name) => wanted.includes(name));
  return { sections, quick, rounds: quick ? 3 : 7, before, accounts: Number(accounts) };
}
