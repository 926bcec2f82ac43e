import type { Slot, Vault } from "./vault.ts";

// Replaced secrets that are still valid for a while. A list, because a customer who replaces a secret twice in a day may
// still use the first one.

type Retired = {
  value: string;
  until: string;
  /** It may come into use yet: what replaced it was in use before it. */
  mayReturn?: true;
};

const MAX_RETIRED = 4;

/** Adds a secret to the list and seals the list: the newest first, {@link MAX_RETIRED} at most. */
export function sealRetired(
  vault: Vault,
  retired: readonly Retired[],
  { value, until, ...more }: Omit<Retired, "until"> & { until: Date },
  slot: Slot,
): Promise<string> {
  const others = retired.filter((entry) => entry.value !== value);
  const list = [{ value, until: until.toISOString(), ...more }, ...others].slice(0, MAX_RETIRED);
  return vault.seal(JSON.stringify(list), slot);
}

/** The secrets that are still valid, the newest first. @throws VaultError */
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
