import type { Slot, Vault } from "./vault.ts";

// Secrets that were replaced and still count for a while. Several, because who replaces one twice in a day may still be
// using the first.

type Retired = { value: string; until: string };

const MAX_RETIRED = 4;

/** The list with one more, sealed: the newest first, without what no longer counts. */
export function sealRetired(
  vault: Vault,
  retired: readonly Retired[],
  { value, until }: { value: string; until: Date },
  slot: Slot,
): Promise<string> {
  const others = retired.filter((entry) => entry.value !== value);
  const list = [{ value, until: until.toISOString() }, ...others].slice(0, MAX_RETIRED);
  return vault.seal(JSON.stringify(list), slot);
}

/** Those that still count, the newest first. @throws VaultError */
export async function openRetired(
  vault: Vault,
  sealed: string | null,
  slot: Slot,
  now: Date,
): Promise<Retired[]> {
  if (sealed === null) return [];
  const list = JSON.parse(await vault.open(sealed, slot)) as Retired[];
  return list.filter(({ until }) => Date.parse(until) > now.getTime());
}
