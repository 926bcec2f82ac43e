export type Row = { phone_number: string; twilio_sid?: string; agent_id?: string; external_id?: string };

const NAMES: readonly (keyof Row)[] = ["phone_number", "twilio_sid", "agent_id", "external_id"];

/** The cells of a line. RFC 4180: a cell in quotes may hold commas, and two quotes for one. */
function cells(line: string, separator: string): string[] {
  const found: string[] = [];
  let cell = "";
  let isQuoted = false;
  for (let at = 0; at < line.length; at += 1) {
    const letter = line[at];
    if (isQuoted && letter === '"' && line[at + 1] === '"') {
      cell += '"';
      at += 1;
    } else if (letter === '"') {
      isQuoted = !isQuoted;
    } else if (letter === separator && !isQuoted) {
      found.push(cell.trim());
      cell = "";
    } else {
      cell += letter;
    }
  }
  return [...found, cell.trim()];
}

/**
 * The numbers of a CSV file, with a heading (`phone_number,twilio_sid,agent_id,external_id`, in any order) or with a number
 * in each line's first cell. Spreadsheets write semicolons or tabs in some countries, and a mark before the first byte.
 */
export function rowsOf(text: string): Row[] {
  const lines = text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .filter((line) => line.trim() !== "");
  const [first = ""] = lines;
  const separator = [";", "\t"].find((candidate) => first.includes(candidate)) ?? ",";
  const heading = cells(first, separator).map((cell) => cell.toLowerCase().replace(/[^a-z]+/g, "_"));
  const hasHeading = heading.includes("phone_number");
  const names = hasHeading ? heading : NAMES;
  return lines.slice(hasHeading ? 1 : 0).map((line) => {
    const row: Record<string, string> = {};
    for (const [at, cell] of cells(line, separator).entries()) {
      const name = names[at];
      if (cell !== "" && NAMES.includes(name as keyof Row)) row[name as string] = cell;
    }
    return { phone_number: "", ...row };
  });
}
