import { databaseBytes } from "./retention-store.ts";
import type { Services } from "./services.ts";

// https://developers.cloudflare.com/d1/platform/limits/
const MAX_BYTES = 10_000_000_000;
const LEVELS = [
  { from: 0.8, code: "database_nearly_full" },
  { from: 0.6, code: "database_filling" },
] as const;

export type Fill = { bytes: number; share: number; code: (typeof LEVELS)[number]["code"] | null };

/** How full a database is. @param maxBytes what D1 allows it */
export function fillOf(bytes: number, maxBytes = MAX_BYTES): Fill {
  const share = bytes / maxBytes;
  return { bytes, share, code: LEVELS.find(({ from }) => share >= from)?.code ?? null };
}

/** Tells the operator in time: in a full database nobody can write. For the cron. @throws StorageError */
export async function measureDatabase({ db, log, measure }: Services): Promise<void> {
  const { bytes, share, code } = fillOf(await databaseBytes(db));
  measure("database", [code ?? "ok"], [bytes, share]);
  if (code) log.warn(code, { bytes, share });
}
