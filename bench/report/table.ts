import type { Summary } from "../measure/statistics.ts";
import { type Row, type SectionReport, verdict } from "./row.ts";

export const HEADINGS = [
  "what",
  "the Worker",
  "compared with",
  "the other",
  "ratio",
  "goal",
  "verdict",
] as const;

/** A row's cells in the order of the headings. */
export function cells(row: Row): string[] {
  return [
    row.name,
    spread(row.ours, row.unit),
    row.than,
    spread(row.other, row.unit),
    spread(row.ratio, ""),
    row.goal ? `≤ ${digits(row.goal.atMost)}` : "",
    verdict(row),
  ];
}

/** The report for a terminal. */
export function terminalTable(sections: readonly SectionReport[]): string {
  return sections
    .map(({ title, rows, notes }) => {
      const lines = [HEADINGS.slice(), ...rows.map(cells)];
      const widths = HEADINGS.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
      const drawn = lines.map((line) =>
        line
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join("  ")
          .trimEnd(),
      );
      return [`\n\x1b[1m${title}\x1b[0m`, ...drawn, ...notes.map((note) => `* ${note}`)].join("\n");
    })
    .join("\n");
}

/** The median and, where there were rounds, the lowest and the highest of them. */
function spread({ median, low, high }: Summary, unit: string): string {
  const withUnit = `${digits(median)}${unit && ` ${unit}`}`;
  return low === high ? withUnit : `${withUnit} (${digits(low)}–${digits(high)})`;
}

function digits(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(3)));
}
