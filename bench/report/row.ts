import type { Summary } from "../measure/statistics.ts";
import { pairwise, ratio, summarize } from "../measure/statistics.ts";

/** What a ratio may be: at most this. */
export type Goal = { atMost: number };

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
  goal?: Goal;
};

/** What a section of the bench found. */
export type SectionReport = {
  title: string;
  rows: Row[];
  /** Pictures by file name, as SVG. */
  plots: Record<string, string>;
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
  goal?: Goal,
): Row {
  return {
    name,
    unit,
    ours: summarize(ours),
    than,
    other: summarize(other),
    ratio: summarize(pairwise(ours, other, ratio)),
    ...(goal && { goal }),
  };
}

/** "met", or by how much the goal is missed. */
export function verdict({ ratio: { median }, goal }: Row): string {
  if (!goal) return "";
  if (Number.isNaN(median)) return "not measured";
  if (median === goal.atMost) return "met";
  const part = Math.abs(median / goal.atMost - 1) * 100;
  const percent = `${part.toFixed(part < 10 ? 1 : 0)} %`;
  return median < goal.atMost ? `met, by ${percent}` : `missed by ${percent}`;
}
