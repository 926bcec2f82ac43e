import type { Client } from "@nixflex/numbers";
import type { Argument, Option } from "commander";
import type { Globals } from "./options.ts";
import { type Cell, table } from "./output.ts";

// What a command is. `acts.ts` has all of them; help, parsing, completion and printing come from there.

/** What a command tells: the API's answer for programs, its text for people, and how the program ends. */
export type Shown = { answer: unknown; text: string; exit?: number };

export type Given<Options = object> = {
  options: Options & Globals;
  /** As whoever is signed in. @throws Failure if nobody is */
  readonly nixflex: Client;
};

export type Act = {
  /** As it is typed, with its arguments, such as `calls show <call>`. */
  name: string;
  does: string;
  takes?: readonly (Argument | Option)[];
  examples?: readonly string[];
  /** More of its help. */
  help?: string;
  run(given: Given<never>, ...words: never[]): Promise<Shown | undefined> | Shown | undefined;
};

type Columns<Entry> = Record<string, (entry: Entry) => Cell>;

/** A list: as the API names it, and a table with these columns. */
export function rows<Entry>(
  name: string,
  entries: readonly Entry[],
  columns: Columns<Entry>,
  none: string,
): Shown {
  const cells = entries.map((entry) => Object.values(columns).map((read) => read(entry)));
  return {
    answer: { [name]: entries },
    text: cells.length === 0 ? none : table(Object.keys(columns), cells),
  };
}

/** The options that were given, by the API's names. */
export function named<Options extends object, const Names extends { [Name in keyof Options]?: string }>(
  options: Options,
  names: Names,
) {
  const given = Object.entries<string>(names as Record<string, string>).map(
    ([name, field]) => [field, options[name as keyof Options]] as const,
  );
  return Object.fromEntries(given.filter(([, value]) => value !== undefined)) as {
    [Name in keyof Options & keyof Names as Names[Name] & string]?: NonNullable<Options[Name]>;
  };
}
