import { batch } from "../database.ts";
import { faultError } from "../http/faults.ts";
import { type Kind, learnSplit, PART_COUNTS, partsIn } from "../parts.ts";
import type { Services } from "../services.ts";
import { growParts, type ListedApiKey } from "./store.ts";

/**
 * Splits a key's call log or outbox into more parts, and tells the present ones. They send on whoever has not heard of it
 * yet. So if this is interrupted, what was written counts, and it may be repeated.
 *
 * @returns whether it was asked for
 * @throws ApiError `invalid_field` if there are more parts already
 * @throws StorageError
 */
export async function grow(
  key: ListedApiKey,
  wanted: Record<Kind, number | undefined>,
  { db, now, callLogs, outbox }: Services,
): Promise<boolean> {
  const kinds = (["call_log", "outbox"] as const).flatMap((kind) => {
    const parts = wanted[kind];
    return parts === undefined ? [] : [{ kind, parts, before: partsIn(key[`${kind}_parts`]) }];
  });
  if (kinds.length === 0) return false;
  const faults = kinds.flatMap(({ kind, parts, before }) =>
    parts >= before
      ? []
      : [
          {
            field: `${kind}_parts`,
            code: "invalid_field" as const,
            hint: `There are ${before} parts, and never fewer later: calls and events would be lost.`,
            problem: {
              problem: "not_allowed" as const,
              allowed: PART_COUNTS.filter((count) => count >= before),
            },
          },
        ],
  );
  if (faults.length > 0) throw faultError(faults);
  learnSplit(key.id, key);
  const time = now().getTime();
  await batch(
    db,
    kinds.map(({ kind, parts }) => growParts(db, key.id, kind, parts, time)),
    { isIdempotent: true },
  );
  const objects = { call_log: callLogs, outbox };
  await Promise.all(kinds.map(({ kind, parts }) => objects[kind].split(key.id, parts)));
  return true;
}
