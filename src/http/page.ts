import type { AppContext } from "./context.ts";
import { ApiError, errorCatalogue } from "./errors.ts";

export const DEFAULT_LIMIT = 25;
export const MAX_LIMIT = 100;
export const MAX_OFFSET = 1_000_000;

export const PAGE_PARAMETERS = ["limit", "offset"] as const;

export type Page = { limit: number; offset: number };

/**
 * `limit` (default 25; more than 100 counts as 100) and `offset` (default 0, at most 1,000,000) from a list's query.
 *
 * @throws ApiError `invalid_field`
 */
export function pageOf(c: AppContext): Page {
  return {
    limit: Math.min(wholeNumber(c, "limit", DEFAULT_LIMIT, { minimum: 1 }), MAX_LIMIT),
    offset: wholeNumber(c, "offset", 0, { minimum: 0, maximum: MAX_OFFSET }),
  };
}

type Bounds = { minimum: number; maximum?: number };

function wholeNumber(
  c: AppContext,
  name: string,
  fallback: number,
  { minimum, maximum = Number.POSITIVE_INFINITY }: Bounds,
): number {
  const text = c.req.query(name)?.trim();
  if (text === undefined || text === "") return fallback;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < minimum || value > maximum) throw invalidQuery(name);
  return value;
}

/** A query parameter that must be one of these words; undefined if it is absent. @throws ApiError `invalid_field` */
export function oneOf<Word extends string>(
  c: AppContext,
  name: string,
  words: readonly Word[],
): Word | undefined {
  const text = c.req.query(name);
  if (text === undefined || text === "") return undefined;
  const word = words.find((candidate) => candidate === text);
  if (word === undefined) throw invalidQuery(name);
  return word;
}

function invalidQuery(name: string): ApiError {
  return new ApiError("invalid_field", {
    message: `${errorCatalogue.invalid_field.message} Fields: ${name}.`,
    details: { fields: [name] },
  });
}
