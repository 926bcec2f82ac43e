import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { ratios, type Summary, summarize } from "./measure/statistics.ts";

/** Two things measured in the same run, and how they compare. */
export type Row = {
  name: string;
  unit: string;
  ours: Summary;
  /** What it is compared with. */
  than: string;
  other: Summary;
  /** Ours over the other, round by round: below 1 is better than the other. */
  ratio: Summary;
  /** What the ratio may be at most. */
  atMost?: number;
};

/** What a section of the bench found. */
export type SectionReport = {
  title: string;
  rows: Row[];
  /** What a reader should know of this run, such as errors. */
  notes: string[];
};

/** A row of two series of rounds. */
export function row(
  name: string,
  unit: string,
  ours: readonly number[],
  than: string,
  other: readonly number[],
  atMost?: number,
): Row {
  return {
    name,
    unit,
    ours: summarize(ours),
    than,
    other: summarize(other),
    ratio: summarize(ratios(ours, other)),
    ...(atMost !== undefined && { atMost }),
  };
}

/** "met", or by how much the goal is missed. */
export function verdict({ ratio: { median }, atMost }: Row): string {
  if (atMost === undefined) return "";
  if (Number.isNaN(median)) return "not measured";
  if (median === atMost) return "met";
  const part = Math.abs(median / atMost - 1) * 100;
  const percent = `${part.toFixed(part < 10 ? 1 : 0)} %`;
  return median < atMost ? `met, by ${percent}` : `missed by ${percent}`;
}

function cells(title: string, row: Row, commit: string): string[] {
  const goal = row.atMost === undefined ? "" : `≤ ${digits(row.atMost)}: ${verdict(row)}`;
  const than = `${row.than}: ${spread(row.other, row.unit)}`;
  return [title, row.name, spread(row.ours, row.unit), than, spread(row.ratio, ""), goal, commit];
}

/** The median and, when there were several rounds, the lowest and the highest of them. */
function spread({ median, low, high }: Summary, unit: string): string {
  const withUnit = `${digits(median)}${unit && ` ${unit}`}`;
  return low === high ? withUnit : `${withUnit} (${digits(low)}–${digits(high)})`;
}

function digits(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(3)));
}

/** A section as rows of the table of docs/performance.md. */
function tableRows({ title, rows }: SectionReport): string {
  const commit = execFileSync("git", ["rev-parse", "--short=7", "HEAD"], { encoding: "utf8" }).trim();
  return rows.map((row) => `| ${cells(title, row, commit).join(" | ")} |\n`).join("");
}

/** What the terminal shows. */
export function printed(report: SectionReport): string {
  return `${tableRows(report)}${report.notes.map((note) => `- ${note}\n`).join("")}`;
}

const DOCS = "docs/performance.md";

/** Puts the rows of each section into docs/performance.md, in the place of those with the same title. */
export function writeDocs(reports: readonly SectionReport[]): void {
  let page = readFileSync(DOCS, "utf8");
  for (const report of reports) {
    const place = new RegExp(`(^\\| ${report.title} \\|.*\\n)+`, "m");
    if (!place.test(page)) throw new Error(`${DOCS} has no rows of "${report.title}".`);
    page = page.replace(place, () => tableRows(report));
  }
  writeFileSync(DOCS, page);
}
