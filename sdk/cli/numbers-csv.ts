import Papa from "papaparse";

// A file of numbers to import: comma-separated values with a head (RFC 4180), as spreadsheets write them too.

/** What one bulk import takes. */
const MAX_NUMBERS = 5_000;
const COLUMNS = ["phone_number", "twilio_sid", "agent_id", "external_id"] as const;

type Column = (typeof COLUMNS)[number];
export type NumberToImport = { phone_number: string } & Partial<Record<Column, string>>;

/** What is wrong with a file, in words that go on from the file's name: "has no column phone_number". */
export class NumbersCsvError extends Error {}

/** The numbers of a file. @throws NumbersCsvError */
export function numbersOf(text: string): NumberToImport[] {
  const [head = [], ...rows] = rowsOf(text);
  const columns = head.map(columnOf);
  if (!columns.includes("phone_number")) throw new NumbersCsvError("has no column phone_number.");
  if (rows.length === 0) throw new NumbersCsvError("has no numbers.");
  if (rows.length > MAX_NUMBERS) {
    const most = `One import takes ${MAX_NUMBERS}: split the file.`;
    throw new NumbersCsvError(`has ${rows.length} numbers. ${most}`);
  }
  return rows.map((row, index) => {
    if (row.length !== columns.length)
      throw new NumbersCsvError(
        `is not CSV: row ${index + 2} has ${row.length} cells, not ${columns.length}.`,
      );
    const values = columns.map((column, place) => [column, row[place]]).filter(([, value]) => value !== "");
    const number: Partial<Record<Column, string>> = Object.fromEntries(values);
    const { phone_number } = number;
    if (phone_number === undefined) throw new NumbersCsvError(`has no phone_number in row ${index + 2}.`);
    return { ...number, phone_number };
  });
}

function rowsOf(text: string): string[][] {
  const { data, errors } = Papa.parse<string[]>(text, {
    delimiter: delimiterOf(text),
    skipEmptyLines: "greedy",
    transform: (cell) => cell.trim(),
  });
  const [error] = errors;
  if (error) throw new NumbersCsvError(`is not CSV: row ${(error.row ?? 0) + 1}: ${error.message}.`);
  return data;
}

/** Spreadsheets separate by semicolons or tabs too. The names of columns hold none of these. */
function delimiterOf(text: string): string {
  const [head = ""] = text.split("\n", 1);
  return [";", "\t"].find((mark) => head.includes(mark)) ?? ",";
}

/** A column that is not known is refused: a misspelled agent_id would give numbers to the wrong agent. */
function columnOf(name: string): Column {
  const plain = name.replace(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
  const known = COLUMNS.find((column) => column === plain.replace(/[ -]+/g, "_"));
  if (known) return known;
  const why = /token/i.test(name) ? " A token does not belong into the file." : "";
  throw new NumbersCsvError(
    `has a column ${JSON.stringify(name)}.${why} The columns are ${COLUMNS.join(", ")}.`,
  );
}
