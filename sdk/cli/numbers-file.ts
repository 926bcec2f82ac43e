import { readFileSync } from "node:fs";
import { usage } from "./failures.ts";
import { NumbersCsvError, type NumberToImport, numbersOf } from "./numbers-csv.ts";

/** The numbers of a CSV file; `-` is standard input. */
export function readNumbers(file: string): NumberToImport[] {
  try {
    return numbersOf(readFileSync(file === "-" ? 0 : file));
  } catch (error) {
    throw error instanceof NumbersCsvError ? usage(`${file} ${error.message}`) : error;
  }
}
