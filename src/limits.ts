import { parseObject } from "./http/json.ts";
import { ANYWHERE } from "./twilio/country.ts";

// How much an API key may use: what the operator set for it, and what DEFAULT_LIMITS says of the rest. No I/O here.

/** The smallest and the largest value, and what it is unless the operator says otherwise; null: no limit. */
type Range = { min: number; max: number; step?: number; fallback: number | null };

const MANY = 1_000_000_000;

/** Every limit that is a number. Bodies, checks and documentation are derived from this table. */
export const RANGES = {
  max_agents: { min: 0, max: MANY, fallback: 1_000 as number | null },
  max_numbers: { min: 0, max: MANY, fallback: null as number | null },
  model_turns_per_day: { min: 0, max: MANY, fallback: 20_000 as number | null },
  calls_per_day: { min: 0, max: MANY, fallback: null as number | null },
  texts_per_day: { min: 0, max: MANY, fallback: null as number | null },
  concurrent_call_limit: { min: 0, max: 1_000, fallback: 10 as number },
  calls_per_second: { min: 0.1, max: 100, step: 0, fallback: 1 as number },
} satisfies Record<string, Range>;

type Numbers = { [Name in keyof typeof RANGES]: (typeof RANGES)[Name]["fallback"] };

/** `allowed_countries`: ISO 3166-1 alpha-2, or {@link ANYWHERE} alone. */
export type Limits = Numbers & { allowed_countries: string[] };

export type DailyLimits = Pick<Limits, "calls_per_day" | "texts_per_day" | "model_turns_per_day">;

/** What a call takes of a day, besides itself; see call-log/allowance.ts. */
export type TakenInCall = "dial" | "turn";

/** Limits of what a key has at a time. */
export type Holding = "max_agents" | "max_numbers";

/** How many a key may have, null if there is no such limit, and how many it has. */
export type Room = { limit: number | null; used: number };

/** The first of the last fifth of a limit. Whoever takes it is told. */
export const nearAt = (limit: number): number => Math.ceil(limit * 0.8);

/** What the operator sets for a key; null: what DEFAULT_LIMITS says. */
export type SetLimits = { [Name in keyof Limits]?: Limits[Name] | null };

/** What a query reads of a key; see limits-store.ts. */
export type LimitColumns = { limits: string | null; countries: string | null };

export const COUNTRY = /^(?:[A-Z]{2}|\*)$/;

function isInRange({ min, max, step = 1 }: Range, value: unknown): value is number {
  return typeof value === "number" && value >= min && value <= max && (step === 0 || Number.isInteger(value));
}

/**
 * Reads DEFAULT_LIMITS: a JSON object of some of the limits; null takes a limit away.
 *
 * @throws Error that says what is wrong with it
 */
export function parseDefaultLimits(text: string): Limits {
  const given = parseObject(text);
  if (!given) throw new Error("is no JSON object");
  const limits: Record<string, unknown> = { allowed_countries: [] };
  for (const [name, range] of Object.entries(RANGES) as [string, Range][]) {
    const value = given[name] === undefined ? range.fallback : given[name];
    const isNone = value === null && /^max_|_per_day$/.test(name);
    if (!isNone && !isInRange(range, value))
      throw new Error(`has ${name} outside of ${range.min} to ${range.max}`);
    limits[name] = value;
  }
  const { allowed_countries: countries = [] } = given;
  if (!Array.isArray(countries) || !countries.every((country) => COUNTRY.test(String(country))))
    throw new Error('has allowed_countries that are no list of countries such as "GB"');
  const unknown = Object.keys(given).find((name) => !(name in RANGES) && name !== "allowed_countries");
  if (unknown !== undefined) throw new Error(`has a limit that there is not: ${unknown.slice(0, 40)}`);
  return { ...limits, allowed_countries: countries } as Limits;
}

/** The limits of a key. Unless it has a list of its own, it may reach the countries of its numbers and the default ones. */
export function limitsOf({ limits, countries }: LimitColumns, defaults: Limits): Limits {
  const own = (limits === null ? {} : JSON.parse(limits)) as Partial<Limits>;
  const usual = [...(countries?.split(" ") ?? []), ...defaults.allowed_countries].filter(Boolean);
  return {
    ...defaults,
    ...own,
    allowed_countries: own.allowed_countries ?? (usual.includes(ANYWHERE) ? [ANYWHERE] : [...new Set(usual)]),
  };
}

/** After its first turn, a call tells of so many turns at a time while it runs, so that the day's limit knows of them. */
export const TURNS_TOLD = 4;
/** How many of a call's turns after the first were told while it ran. */
export const begunOf = (turns: number): number => turns - (turns % TURNS_TOLD);
