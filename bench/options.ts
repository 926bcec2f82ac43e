import { parseArgs } from "node:util";

export const SECTION_NAMES = ["import", "voice", "cold", "load", "bulk", "reconcile"] as const;
export type SectionName = (typeof SECTION_NAMES)[number];

export type Options = {
  sections: readonly SectionName[];
  /** Print the report as JSON instead of as a table. */
  json: boolean;
  /** Few rounds and short runs, for trying the bench out. Nothing is written. */
  quick: boolean;
  /** How long memory is watched under load, in seconds. */
  soakSeconds: number;
  /** How often each thing is measured. */
  rounds: number;
};

export const USAGE = `Usage: npm run bench -- [--only ${SECTION_NAMES.join(",")}] [--json] [--quick] [--soak]

  --only   some of the sections, comma separated; all but reconcile without it
  --json   the report as JSON on standard output
  --quick  three rounds and short runs, to try it out; writes no results
  --soak   watch memory for five minutes instead of 45 seconds`;

/** @throws Error on an argument there is none of */
export function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: "string" },
      json: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
      soak: { type: "boolean", default: false },
    },
  });
  const wanted = values.only?.split(",") ?? SECTION_NAMES.filter((name) => name !== "reconcile");
  const unknown = wanted.filter((name) => !SECTION_NAMES.includes(name as SectionName));
  if (unknown.length > 0) throw new Error(`--only does not know ${unknown.join(", ")}.`);
  const { json, quick, soak } = values;
  return {
    sections: SECTION_NAMES.filter((name) => wanted.includes(name)),
    json,
    quick,
    soakSeconds: soak ? 300 : quick ? 10 : 45,
    rounds: quick ? 3 : 7,
  };
}
