import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import type { SectionName } from "../options.ts";
import { writeDocs } from "./docs.ts";
import type { SectionReport } from "./row.ts";

const FOLDER = "bench/results";
const FILE = `${FOLDER}/report.json`;

/** What was measured last of each section, and on what. */
export type Results = Partial<Record<SectionName, SectionReport & { measured: Circumstances }>>;
export type Circumstances = { at: string; node: string; cores: number; processor: string; memoryGiB: number };

/** Keeps what was measured: the numbers as JSON, the plots as SVG, and both in docs/performance.md. */
export function writeResults(reports: Partial<Record<SectionName, SectionReport>>): void {
  mkdirSync(FOLDER, { recursive: true });
  const results = readResults();
  for (const [name, report] of Object.entries(reports) as [SectionName, SectionReport][]) {
    for (const [file, svg] of Object.entries(report.plots)) writeFileSync(`${FOLDER}/${file}`, svg);
    results[name] = { ...report, plots: withoutDrawings(report.plots), measured: circumstances() };
  }
  writeFileSync(FILE, `${JSON.stringify(results, null, 2)}\n`);
  writeDocs(results);
}

export function readResults(): Results {
  try {
    return JSON.parse(readFileSync(FILE, "utf8"));
  } catch {
    return {};
  }
}

// The drawings are files of their own.
function withoutDrawings(plots: SectionReport["plots"]): SectionReport["plots"] {
  return Object.fromEntries(Object.keys(plots).map((file) => [file, `${FOLDER}/${file}`]));
}

function circumstances(): Circumstances {
  return {
    at: new Date().toISOString().slice(0, 16),
    node: process.version,
    cores: cpus().length,
    processor: cpus()[0]?.model ?? "unknown",
    memoryGiB: Math.round(totalmem() / 2 ** 30),
  };
}
