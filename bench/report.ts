import { readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { pairwise, ratio, type Summary, summarize } from "./measure/statistics.ts";

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
  /** How something grows, drawn by whoever shows the page. */
  plot?: Plot;
};

type Plot = { title: string; steps: string[]; unit: string; lines: Record<string, number[]> };

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
    ratio: summarize(pairwise(ours, other, ratio)),
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

const HEADINGS = ["what", "the Worker", "compared with", "the other", "ratio", "goal", "verdict"];

function cells(row: Row): string[] {
  const goal = row.atMost === undefined ? "" : `≤ ${digits(row.atMost)}`;
  const [ours, other] = [spread(row.ours, row.unit), spread(row.other, row.unit)];
  return [row.name, ours, row.than, other, spread(row.ratio, ""), goal, verdict(row)];
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

/** A section as a table whose columns are as wide as their cells, and notes. It reads well in a terminal, too. */
export function markdown({ title, rows, notes, plot }: SectionReport): string {
  const lines = [HEADINGS, HEADINGS.map(() => "---"), ...rows.map(cells)];
  const widths = HEADINGS.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const padded = lines.map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)));
  const table = padded.map((line) => `| ${line.join(" | ")} |`).join("\n");
  const machine = `${cpus().length} cores (${cpus()[0]?.model}), ${Math.round(totalmem() / 2 ** 30)} GiB`;
  const measured = `Measured ${new Date().toISOString().slice(0, 16)} UTC, Node.js ${process.version}, ${machine}.`;
  return `${[`### ${title}`, table, ...(plot ? [drawn(plot)] : []), ...notes.map((note) => `- ${note}`), measured].join("\n\n")}\n`;
}

function drawn({ title, steps, unit, lines }: Plot): string {
  const names = Object.keys(lines).join(", ");
  const series = Object.values(lines).map((values) => `  line [${values.map(digits).join(", ")}]`);
  const axes = [`  x-axis [${steps.map((step) => `"${step}"`).join(", ")}]`, `  y-axis "${unit}"`];
  return ["```mermaid", "xychart-beta", `  title "${title}: ${names}"`, ...axes, ...series, "```"].join("\n");
}

const DOCS = "docs/performance.md";

/** Puts each section into docs/performance.md, in the place of the one with the same title. */
export function writeDocs(reports: readonly SectionReport[]): void {
  let page = readFileSync(DOCS, "utf8");
  for (const report of reports) {
    const place = new RegExp(`^### ${report.title}$[^]*?(?=^##)`, "m");
    if (!place.test(page)) throw new Error(`${DOCS} has no section "${report.title}".`);
    page = page.replace(place, () => `${markdown(report)}\n`);
  }
  writeFileSync(DOCS, page);
}
