import Papa from "papaparse";
import { readPhoneNumber } from "../../src/twilio/e164.ts";
import { type NumberToImport, OWN_NAMES, ownName, readOwn, snakeCase } from "./own.ts";

// A file of numbers to import: comma-separated values with a head (RFC 4180), as spreadsheets write them too.

/** What one bulk import takes. */
const MAX_NUMBERS = 5_000;
const COLUMNS: readonly string[] = ["phone_number", "twilio_sid", "agent_id"];
/** What the results of an import have beside them, so that the file can be imported again. */
const RESULTS: readonly string[] = ["twilio_number_sid", "outcome", "reason", "error_code", "error_message"];
/** What a dry run has beside them. */
export const PLAN_COLUMNS: readonly string[] = ["calls_today", "texts_today", "warnings"];

const REQUESTED = "requested_agent_id";

export type { NumberToImport };

/** What is wrong with a file, in words that go on from the file's name: "has no column phone_number". */
export class NumbersCsvError extends Error {}

/** The numbers of a file. @throws NumbersCsvError */
export function numbersOf(file: Uint8Array): NumberToImport[] {
  const [head = [], ...rows] = rowsOf(textOf(file));
  // In results `agent_id` is who answers, and beside it stands who was asked for.
  const isOfResults = head.includes(REQUESTED);
  const columns = head.map((name, place) => {
    if (isOfResults && name === "agent_id") return null;
    return name === REQUESTED ? "agent_id" : columnOf(name, place, rows);
  });
  const twice = columns.find((column, place) => column !== null && columns.indexOf(column) !== place);
  if (twice) throw new NumbersCsvError(`has two columns that mean ${twice}.`);
  if (!columns.includes("phone_number")) throw new NumbersCsvError("has no column phone_number.");
  if (rows.length === 0) throw new NumbersCsvError("has no numbers.");
  if (rows.length > MAX_NUMBERS) {
    const most = `One import takes ${MAX_NUMBERS}: split the file.`;
    throw new NumbersCsvError(`has ${rows.length} numbers. ${most}`);
  }
  return rows.map((row, index) => {
    // Spreadsheets add empty cells at a row's end, and leave them out.
    if (row.slice(columns.length).some((value) => value !== ""))
      throw new NumbersCsvError(
        `is not CSV: row ${index + 2} has ${row.length} cells, not ${columns.length}.`,
      );
    const values = row.map((value, place) => [columns[place], value] as const);
    const given = values.filter((cell): cell is [string, string] => Boolean(cell[0]) && cell[1] !== "");
    const isColumn = ([column]: [string, string]) => COLUMNS.includes(column);
    const { phone_number, ...number } = Object.fromEntries(given.filter(isColumn));
    const own = readOwn(given.filter((cell) => !isColumn(cell)));
    if (phone_number === undefined) throw new NumbersCsvError(`has no phone_number in row ${index + 2}.`);
    return { ...number, ...own, phone_number: readPhoneNumber(phone_number) };
  });
}

/** Excel writes UTF-8, UTF-16 ("Unicode text") or the code page of Windows; the first two begin with a mark. */
function textOf(file: Uint8Array): string {
  const [first, second] = file;
  if (first === 0xff && second === 0xfe) return new TextDecoder("utf-16le").decode(file);
  if (first === 0xfe && second === 0xff) return new TextDecoder("utf-16be").decode(file);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(file);
  } catch {
    return new TextDecoder("windows-1252").decode(file);
  }
}

function rowsOf(text: string): string[][] {
  // Excel says the separator in a line before the head.
  const [, named, table = ""] = /^(?:sep=(.)\n)?([\s\S]*)$/i.exec(text.replace(/\r\n?/g, "\n")) ?? [];
  const { data, errors } = Papa.parse<string[]>(table, {
    delimiter: named ?? delimiterOf(table),
    newline: "\n",
    skipEmptyLines: "greedy",
    transform: plain,
  });
  const [error] = errors;
  if (error) throw new NumbersCsvError(`is not CSV: row ${(error.row ?? 0) + 1}: ${error.message}.`);
  return data;
}

/** A cell without what keeps a spreadsheet from taking it for a number or a formula: `="1"`, `'=1`. */
function plain(cell: string): string {
  return cell
    .trim()
    .replace(/^="(.*)"$/s, "$1")
    .replace(/^'(?=[=+\-@])/, "");
}

/** Spreadsheets separate by semicolons or tabs too. The names of columns hold none of these. */
function delimiterOf(table: string): string {
  const head = table.split("\n").find((line) => /[^\s,;]/.test(line)) ?? "";
  return [";", "\t"].find((mark) => head.includes(mark)) ?? ",";
}

/**
 * The meaning of a column; null: it is left out. One that is not known is refused: a misspelled agent_id would give
 * numbers to the wrong agent.
 */
function columnOf(name: string, place: number, rows: string[][]): string | null {
  const plainName = snakeCase(name);
  const known = COLUMNS.find((column) => column === plainName) ?? ownName(name);
  if (known) return known;
  if (RESULTS.includes(plainName) || PLAN_COLUMNS.includes(plainName)) return null;
  if (name === "" && rows.every((row) => !row[place])) return null;
  const why = /token/i.test(name) ? " A token does not belong into the file." : "";
  throw new NumbersCsvError(
    `has a column ${JSON.stringify(name)}.${why} The columns are ${[...COLUMNS, ...OWN_NAMES].join(", ")}, metadata.… and dynamic_vars.….`,
  );
}
