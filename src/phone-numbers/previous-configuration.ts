import * as z from "zod/mini";
import type { NumberConfiguration } from "../twilio/incoming-phone-numbers.ts";
import type { Slot, Vault } from "../vault/vault.ts";

// Sealed, because the query string of a webhook URL often holds a secret of its owner.

export const previousConfigurationSlot = (id: string): Slot => `phone_numbers.previous_configuration/${id}`;

const stored = z.record(z.string(), z.string());

export function sealConfiguration(
  vault: Vault,
  id: string,
  configuration: NumberConfiguration,
): Promise<string> {
  return vault.seal(JSON.stringify(configuration), previousConfigurationSlot(id));
}

/**
 * What an earlier import of this row found.
 *
 * @throws VaultError if it cannot be opened: going on with the import would lose what to restore
 */
export async function openConfiguration(
  vault: Vault,
  row: { id: string; previous_configuration_sealed: string },
): Promise<NumberConfiguration> {
  const text = await vault.open(row.previous_configuration_sealed, previousConfigurationSlot(row.id));
  return stored.parse(JSON.parse(text)) as NumberConfiguration;
}
