import { styleText } from "node:util";
import { NixflexError } from "@nixflex/numbers";
import stringWidth from "fast-string-width";
import { EXIT, Failure, usage } from "./failures.ts";

/** Prints the API's answer for programs, or its text for people. */
export function print(isJson: boolean | undefined, answer: unknown, text: () => string): void {
  process.stdout.write(`${isJson ? JSON.stringify(answer, null, 2) : text()}\n`);
}

/** Says something to the person beside the results. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

export type Cell = string | number | boolean | null | undefined;

/** What others wrote may hold control characters, which a terminal would obey. */
export const clean = (cell: Cell): string =>
  cell === null || cell === undefined ? "-" : String(cell).replace(/\p{C}/gu, " ");

export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const lines = [head.map((name) => name.toUpperCase()), ...rows.map((row) => row.map(clean))];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => stringWidth(line[column] ?? ""))));
  return lines
    .map((line) => line.map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - stringWidth(cell))))
    .map((line) => line.map(coloured).join("  ").trimEnd())
    .join("\n");
}

/** A value of any kind in one line. */
export const cellOf = (value: unknown): Cell =>
  typeof value === "object" && value !== null ? JSON.stringify(value) : (value as Cell);

/** One line for each field that has a value. */
export function fields(values: Record<string, Cell>): string {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  const width = Math.max(...entries.map(([name]) => name.length));
  return entries.map(([name, value]) => `${name.padEnd(width)}  ${coloured(clean(value))}`).join("\n");
}

/** The same of values of any kind, without those that say nothing. */
export function fieldsOf(values: object): string {
  const said = Object.entries(values).filter(([, value]) => value !== null && String(value) !== "");
  return fields(Object.fromEntries(said.map(([name, value]) => [name, cellOf(value)])));
}

const COLOURS: Record<string, "green" | "red" | "yellow"> = {
  ok: "green",
  delivered: "green",
  imported: "green",
  failed: "red",
  credentials_rejected: "red",
  signed_by_other_key: "red",
  signatures_refused: "red",
  signatures_unproven: "yellow",
  connecting: "yellow",
  number_missing: "red",
  routed_elsewhere: "yellow",
  repair_contested: "yellow",
  pending: "yellow",
};

function coloured(cell: string): string {
  const colour = COLOURS[cell.trim()];
  const isColoured = process.stdout.isTTY === true && !process.env.NO_COLOR;
  return colour && isColoured ? styleText(colour, cell) : cell;
}

/** Says on standard error what went wrong. @returns the exit code */
export function report(error: unknown, isJson: boolean): number {
  if (error instanceof NixflexError) {
    const { code, message, docUrl, details, requestId } = error;
    const text = [
      message,
      `  code     ${code}`,
      docUrl && `  help     ${docUrl}`,
      requestId && `  request  ${requestId}`,
    ];
    const answer = { code, message, doc_url: docUrl, details, request_id: requestId };
    note(isJson ? JSON.stringify({ error: answer }) : `Error: ${text.filter(Boolean).join("\n")}`);
    return exitCodeOf(error);
  }
  const { message, exitCode } = error instanceof Failure ? error : ofFile(error);
  note(isJson ? JSON.stringify({ error: { message } }) : `Error: ${message}`);
  return exitCode;
}

const OF_FILES: Record<string, (path: string) => string> = {
  ENOENT: (path) => `There is no file or folder ${path}.`,
  EACCES: (path) => `You have no right to open ${path}.`,
  EISDIR: (path) => `${path} is a folder, not a file.`,
};

/** A file that cannot be read or written is the caller's to mend; anything else is a mistake of this program. */
function ofFile(error: unknown): Failure {
  if (!(error instanceof Error && "syscall" in error)) throw error;
  const { code = "", path, message } = error as NodeJS.ErrnoException;
  return usage((path !== undefined && OF_FILES[code]?.(path)) || message);
}

function exitCodeOf({ code }: NixflexError): number {
  if (code === "unreadable_answer") return EXIT.unreachable;
  return code === "invalid_api_key" || code === "key_secret_required" ? EXIT.notSignedIn : EXIT.refused;
}
