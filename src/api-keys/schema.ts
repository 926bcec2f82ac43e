import * as z from "zod/mini";
import { MAX_CALLS_PER_SECOND, MIN_CALLS_PER_SECOND } from "../config.ts";
import { body, inRange, optionalText, wholeNumber } from "../http/schema.ts";
import { DEFAULT_NAME, MAX_NAME_LENGTH } from "./api-key.ts";

const MAX_CONCURRENT_CALLS = 1_000;

/** `POST /v1/keys` */
export const createKeyBody = z.pipe(
  body(
    {
      name: optionalText(MAX_NAME_LENGTH),
      concurrent_call_limit: z.optional(wholeNumber(0, MAX_CONCURRENT_CALLS)),
      calls_per_second: z.optional(z.number().check(...inRange(MIN_CALLS_PER_SECOND, MAX_CALLS_PER_SECOND))),
    },
    { concurrent_call_limit: "concurrentCallLimit", calls_per_second: "callsPerSecond" },
  ),
  z.transform(({ name, ...limits }) => ({ name: name ?? DEFAULT_NAME, ...limits })),
);
