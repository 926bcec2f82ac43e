import { readFileSync } from "node:fs";
import { CsvError, parse } from "csv-parse/sync";
import { usage } from "./failures.ts";

// A file of numbers to import: comma-separated values with a head (RFC 4180), as spreadsheets write them too.

/** What one bulk import takes. */
const MAX_NUMBERS = 5_000;
const COLUMNS = ["phone_number", "twilio_sid", "agent_id", "external_id"] as const;

type Column = (typeof COLUMNS)[number];
export type NumberToImport = { phone_number: string } & Partial<Record<Column, string>>;

export function readNumbers(file: string): NumberToImport[] {
  const [head = [], ...rows] = parseRows(readFileSync(file === "-" ? 0 : file, "utf8"), file);
  const columns = head.map((name) => columnOf(name, file));
  if (!columns.includes("phone_number")) throw usage(`${file} has no column phone_number.`);
  if (rows.length === 0) throw usage(`${file} has no numbers.`);
  if (rows.length > MAX_NUMBERS) {
    throw usage(`${file} has ${rows.length} numbers. One import takes ${MAX_NUMBERS}: split the file.`);
  }
  return rows.map((row, index) => {
    const values = columns
      .map((column, place) => [column, row[place] ?? ""])
      .filter(([, value]) => value !== "");
    const number: Partial<Record<Column, string>> = Object.fromEntries(values);
    const { phone_number } = number;
    if (phone_number === undefined) throw usage(`${file}, row ${index + 2} has no phone_number.`);
    return { ...number, phone_number };
  });
}

function parseRows(text: string, file: string): string[][] {
  try {
    return parse(text, { bom: true, delimiter: delimiterOf(text), trim: true, skip_empty_lines: true });
  } catch (error) {
    if (error instanceof CsvError) throw usage(`${file} is not CSV: ${error.message}.`);
    throw error;
  }
}

/** Spreadsheets separate by semicolons or tabs too. The names of columns hold none of these. */
function delimiterOf(text: string): string {
  const [head = ""] = text.split("\n", 1);
  return [";", "\t"].find((mark) => head.includes(mark)) ?? ",";
}

/** A column that is not known is refused: a misspelled agent_id would give numbers to the wrong agent. */
function columnOf(name: string, file: string): Column {
  const known = COLUMNS.find(
    (column) => column === name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
  );
  if (known) return known;
  const why = /token/i.test(name) ? " A token does not belong into the file." : "";
  throw usage(`${file} has a column ${JSON.stringify(name)}.${why} The columns are ${COLUMNS.join(", ")}.`);
}
