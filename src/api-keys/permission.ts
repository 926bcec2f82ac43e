import type { SecretRow } from "../actor.ts";
import type { AppContext } from "../http/context.ts";
import { ApiError, type ErrorCode } from "../http/errors.ts";

// What a secret of an API key may do. Each route says what it needs, in `withApiKey`, and only this file decides.

/** `isWrite`: it changes something, or asks Twilio or a model. `isWhole`: it is not about numbers with one external id. */
const NEEDS = {
  /** It is about the secret itself, or asks again for each thing it does. */
  nothing: { isWrite: false, isWhole: false },
  /** To see numbers, and their calls, texts, usage and events. */
  read: { isWrite: false, isWhole: false },
  /** To see what is the whole key's. */
  read_all: { isWrite: false, isWhole: true },
  /** To change numbers, and their calls, texts and events. */
  number: { isWrite: true, isWhole: false },
  /** To change what is the whole key's. */
  all: { isWrite: true, isWhole: true },
} as const;

/** What a route needs. Its handler sees to it that a limited secret finds only its own: see {@link ownerOf}. */
export type Need = keyof typeof NEEDS;

/** Why a secret may not do what a route needs; undefined: it may. */
export function refusalOf(
  need: Need,
  { scope, external_id }: Pick<SecretRow, "scope" | "external_id">,
): ErrorCode | undefined {
  const { isWrite, isWhole } = NEEDS[need];
  if (isWhole && external_id !== null) return "secret_is_limited";
  return isWrite && scope === "read" ? "read_only_secret" : undefined;
}

/** Whose things this request is about. */
export const ownerOf = (c: AppContext) => ({
  apiKeyId: c.get("apiKeyId"),
  externalId: c.get("secret").external_id,
});

/** Longer than an external id may be. */
const NOBODYS = "-".repeat(256);

/** By which external id a list is filtered if one is asked for. What is another's looks as if it were not there. */
export function externalIdFor(c: AppContext, asked: string | undefined): string | undefined {
  const { externalId } = ownerOf(c);
  if (externalId === null || externalId === asked) return asked;
  return asked === undefined ? externalId : NOBODYS;
}

/**
 * Refuses a change of what a limited secret may not change of its own numbers.
 *
 * @param fields those that the request changes
 * @throws ApiError `secret_is_limited`
 */
export function requireWhole(c: AppContext, fields: Readonly<Record<string, unknown>>): void {
  const given = Object.keys(fields).filter((name) => fields[name] !== undefined);
  if (ownerOf(c).externalId === null || given.length === 0) return;
  throw new ApiError("secret_is_limited", {
    message: `This secret is limited to one external_id, so it cannot change ${given.join(", ")}. Nothing was changed.`,
    details: { fields: given },
  });
}
