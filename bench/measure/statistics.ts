/** A median and how far the rounds spread around it. */
export type Summary = { median: number; low: number; high: number };

/** @param share from 0 to 1; the nearest rank, so the answer is one of the values */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? Number.NaN) + upper) / 2 : upper;
}

/** The median of the rounds, with the lowest and the highest of them. */
export function summarize(rounds: readonly number[]): Summary {
  return { median: median(rounds), low: Math.min(...rounds), high: Math.max(...rounds) };
}

/** How one compares with the other in each round: noise that falls on both falls out. */
export function ratios(ours: readonly number[], others: readonly number[]): number[] {
  return ours.map((own, round) => own / (others[round] ?? Number.NaN));
}
