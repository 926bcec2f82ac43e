import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

// npm run countries: makes data/countries.json from libphonenumber's metadata, as libphonenumber-js packs it. A country's
// entry is [calling code, default carrier prefixes and formats, …, leading digits at 10, patterns by type at 11].

type Pattern = [string, ...unknown[]] | 0 | undefined;
type Country = { 0: string; 10?: string; 11?: Pattern[] };
type Metadata = { country_calling_codes: Record<string, string[]>; countries: Record<string, Country> };

/** Country, which national numbers of a shared calling code are its own, and which cost more than others. */
export type Entry = [country: string, own: string, costly: string];

const FIXED_LINE = 0;
const MOBILE = 1;
const PREMIUM_RATE = 3;
const PERSONAL = 4;
const PAGER = 7;
const VOIP = 8;
const SHARED_COST = 9;
const NORTH_AMERICA = "1";

/** By calling code; the countries that are recognised by their numbers first, and the one that has the rest last. */
export function countries(): Record<string, Entry[]> {
  const file = createRequire(import.meta.url).resolve("libphonenumber-js/metadata.max.json");
  const { country_calling_codes, countries: all } = JSON.parse(readFileSync(file, "utf8")) as Metadata;
  const entries = Object.entries(country_calling_codes).map(([code, names]): [string, Entry[]] => {
    const [main = "", ...others] = names;
    const costs = code === NORTH_AMERICA ? [PREMIUM_RATE, SHARED_COST] : COSTLY;
    const entryOf = (name: string, own: string): Entry => [name, own, union(all[name], costs)];
    const ownOf = (name: string) => all[name]?.[10] || `(?:${union(all[name], ORDINARY)})$`;
    return [code, [...others.map((name) => entryOf(name, ownOf(name))), entryOf(main, "")]];
  });
  return Object.fromEntries(entries);
}

const ORDINARY = [FIXED_LINE, MOBILE, VOIP];
const COSTLY = [PREMIUM_RATE, PERSONAL, PAGER, SHARED_COST];

function union(country: Country | undefined, types: readonly number[]): string {
  const patterns = types.flatMap((type) => {
    const pattern = country?.[11]?.[type];
    return Array.isArray(pattern) && pattern[0] ? [pattern[0]] : [];
  });
  return [...new Set(patterns)].join("|");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  writeFileSync("data/countries.json", `${JSON.stringify(countries())}\n`);
