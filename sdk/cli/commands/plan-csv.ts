import type { components } from "@nixflex/numbers";
import { CSV_HEADER, cell, csvLine } from "../../../src/bulk-imports/csv.ts";
import { PLAN_COLUMNS } from "../numbers-csv.ts";
import { answererText } from "./number-texts.ts";

type Result = components["schemas"]["PhoneNumberImportResult"];

/** The results of a dry run as the API's CSV, and beside them what it has in JSON alone: the plan of each number. */
export function planCsv(results: readonly Result[]): string {
  const lines = results.map((result) => [csvLine(result), ...planOf(result).map(cell)]);
  return [[CSV_HEADER, ...PLAN_COLUMNS], ...lines]
    .map(([line = "", ...added]) => `${[line.trimEnd(), ...added].join(",")}\r\n`)
    .join("");
}

function planOf({ plan }: Result): string[] {
  if (plan === null) return PLAN_COLUMNS.map(() => "");
  const warnings = plan.warnings.map(({ message }) => message);
  const unchecked = plan.unchecked.map((one) => `Twilio did not tell: ${one}.`);
  const { voice, sms } = plan.answered_by;
  return [answererText(voice), answererText(sms), [...warnings, ...unchecked].join(" ")];
}
