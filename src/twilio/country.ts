// Whose telephone numbers are whose. data/countries.json is made from libphonenumber's metadata; docs/decisions/0031-countries.md.

type Entry = [country: string, own: string, costly: string];

/** Any country, and numbers of none. */
export const ANYWHERE = "*";

/**
 * The country of a number in E.164: ISO 3166-1 alpha-2. Null if it belongs to none: premium, shared-cost and personal
 * numbers, and those of satellites and international services. A call that dials nobody does not load the table.
 */
export async function countryOf(phoneNumber: string): Promise<string | null> {
  const { default: countries } = await import("../../data/countries.json");
  const digits = phoneNumber.slice(1);
  for (const length of [1, 2, 3]) {
    const entries = (countries as unknown as Record<string, Entry[]>)[digits.slice(0, length)];
    if (!entries) continue;
    const rest = digits.slice(length);
    const begins = (pattern: string) => new RegExp(`^(?:${pattern})`).test(rest);
    const entry = entries.find(([, own]) => begins(own));
    if (!entry) return null;
    const [country, , costly] = entry;
    return costly !== "" && begins(costly) ? null : country;
  }
  return null;
}

/**
 * The country that a list does not allow; undefined if it does. What is no telephone number, such as a SIP address, goes
 * over no telephone network.
 *
 * @param allowed countries, or {@link ANYWHERE}
 */
export async function refusedCountry(
  to: string,
  allowed: readonly string[],
): Promise<string | null | undefined> {
  if (!to.startsWith("+") || allowed.includes(ANYWHERE)) return undefined;
  const country = await countryOf(to);
  return country !== null && allowed.includes(country) ? undefined : country;
}

/** Those of the numbers that a list does not allow, and their countries. */
export async function refusedOf(
  numbers: readonly string[],
  allowed: readonly string[],
): Promise<Map<string, string | null>> {
  const refused = new Map<string, string | null>();
  for (const to of numbers) {
    const country = await refusedCountry(to, allowed);
    if (country !== undefined) refused.set(to, country);
  }
  return refused;
}
