import * as z from "zod/mini";
import {
  body,
  changes,
  inRange,
  isName,
  isTime,
  maxLength,
  missingOrInvalid,
  optionalText,
  orNull,
  pattern,
  requiredText,
  wholeNumber,
} from "../http/schema.ts";
import { COUNTRY, RANGES, type SetLimits } from "../limits.ts";
import { PART_COUNTS } from "../parts.ts";
import { DEFAULT_NAME, MAX_NAME_LENGTH } from "./api-key.ts";

const MAX_COUNTRIES = 250;

const numbers = Object.entries(RANGES).map(([name, range]) => {
  const { min, max } = range;
  const schema = "step" in range ? z.number().check(...inRange(min, max)) : wholeNumber(min, max);
  return [name, z.optional(z.nullable(schema))] as const;
});

const countries = z
  .array(z.string().check(pattern(COUNTRY, "Send codes of ISO 3166-1 such as GB, or * alone.")))
  .check(maxLength(MAX_COUNTRIES));

/** Limits of a key: what is absent stays as it is, and null is what DEFAULT_LIMITS says again. */
export const limits = changes({
  ...(Object.fromEntries(numbers) as unknown as {
    [Name in keyof typeof RANGES]: z.ZodMiniType<number | null>;
  }),
  allowed_countries: z.optional(z.nullable(countries)),
});

/** `POST /v1/keys` */
export const createKeyBody = z.pipe(
  body({ name: orNull(z.string().check(maxLength(MAX_NAME_LENGTH), isName)), limits: z.optional(limits) }),
  z.transform(({ name, limits }) => ({
    name: name ?? DEFAULT_NAME,
    limits: limits as SetLimits | undefined,
  })),
);

const parts = z.optional(z.literal(PART_COUNTS));

/** `PATCH /v1/keys/{key_id}` */
export const changeKeyBody = z.pipe(
  body({ limits: z.optional(limits), call_log_parts: parts, outbox_parts: parts }, {}, (given) =>
    Object.values(given).some((value) => value !== undefined)
      ? []
      : [{ field: "limits", code: "missing_field" }],
  ),
  z.transform(({ limits, call_log_parts, outbox_parts }) => ({
    limits: limits as SetLimits | undefined,
    parts: { call_log: call_log_parts, outbox: outbox_parts },
  })),
);

const MAX_EXTERNAL_ID_LENGTH = 255;

/** `POST /v1/keys/secrets` */
export const createSecretBody = body(
  {
    name: requiredText().check(maxLength(MAX_NAME_LENGTH), isName),
    scope: z.enum(["full", "read"], { error: missingOrInvalid }),
    external_id: optionalText(MAX_EXTERNAL_ID_LENGTH),
    expires_at: z.pipe(
      z.optional(z.string().check(isTime)),
      z.transform((at) => (at === undefined ? null : new Date(at).toISOString())),
    ),
  },
  { external_id: "externalId", expires_at: "expiresAt" },
);
