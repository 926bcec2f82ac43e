import * as z from "zod/mini";
import { query } from "./query.ts";
import { inRange, wholeNumber } from "./schema.ts";

export const DEFAULT_LIMIT = 25;
export const MAX_LIMIT = 100;
const MAX_OFFSET = 1_000_000;

export type Page = { limit: number; offset: number };

/** The query parameters of every list. A limit above 100 counts as 100. */
export const pageShape = {
  limit: z._default(z.pipe(z.transform(limitOf), z.int().check(inRange(1, MAX_LIMIT)[0])), DEFAULT_LIMIT),
  offset: z._default(z.pipe(z.transform(numberOf), wholeNumber(0, MAX_OFFSET)), 0),
};

/** The query of a list without other parameters. */
export const listQuery = query(pageShape);

function numberOf(text: unknown): unknown {
  return /^\s*-?\d+\s*$/.test(String(text)) ? Number(text) : text;
}

function limitOf(text: unknown): unknown {
  const number = numberOf(text);
  return typeof number === "number" ? Math.min(number, MAX_LIMIT) : number;
}
