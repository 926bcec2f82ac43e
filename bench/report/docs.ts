import { readFileSync, writeFileSync } from "node:fs";
import type { Results } from "./results.ts";
import type { SectionReport } from "./row.ts";
import { cells, HEADINGS } from "./table.ts";

const FILE = "docs/performance.md";
const BEGIN = "<!-- bench: begin -->";
const END = "<!-- bench: end -->";

/** Writes the tables and plots between the markers of docs/performance.md, and leaves the rest of it alone. */
export function writeDocs(results: Results): void {
  const page = readFileSync(FILE, "utf8");
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`${FILE} has lost its markers.`);
  const sections = Object.values(results).map(
    (section) => `${markdown(section)}\n\n${circumstancesOf(section.measured)}`,
  );
  writeFileSync(FILE, [before, BEGIN, "\n\n", sections.join("\n\n"), "\n\n", END, after].join(""));
}

function markdown({ title, rows, plots, notes }: SectionReport): string {
  const lines = [[...HEADINGS], HEADINGS.map(() => "---"), ...rows.map(cells)];
  const table = lines.map((line) => `| ${line.join(" | ")} |`).join("\n");
  const pictures = Object.keys(plots).map((file) => `![${title}](../bench/results/${file})`);
  return [`### ${title}`, table, ...notes.map((note) => `- ${note}`), ...pictures].join("\n\n");
}

function circumstancesOf({
  at,
  node,
  cores,
  processor,
  memoryGiB,
}: NonNullable<Results["import"]>["measured"]): string {
  return `Measured ${at} UTC, Node.js ${node}, ${cores} cores (${processor}), ${memoryGiB} GiB.`;
}
