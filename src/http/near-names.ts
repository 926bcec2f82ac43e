import { closest, distance } from "fastest-levenshtein";

// Names that a caller most likely misspelt.

const MAX_TYPOS = 2;

/** The known name that is nearest to this one, if any is near. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const candidate = closest(plain(name), known);
  return isNear(name, candidate) ? candidate : undefined;
}

export function isNear(name: string, known: string): boolean {
  return distance(plain(name), plain(known)) <= MAX_TYPOS;
}

/** Only the letters and digits of a name, in lower case: `dryRun`, `dry-run` and `DRY_RUN` become the same. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, "");
}
