import { errorFields, type Logger } from "./http/log.ts";
import { VaultError } from "./vault/vault.ts";

/**
 * Seals rows anew, one after the other. One that does not open stays as it is, for an operator may still find its key; one
 * line of the log tells how many those are.
 *
 * @param reseal returns whether there was something to seal anew
 * @returns how many were sealed anew
 */
export async function resealEach<Row>(
  rows: readonly Row[],
  { column, log }: { column: string; log: Logger },
  reseal: (row: Row) => Promise<boolean>,
): Promise<number> {
  let count = 0;
  const failures: VaultError[] = [];
  for (const row of rows) {
    try {
      if (await reseal(row)) count += 1;
    } catch (error) {
      if (!(error instanceof VaultError)) throw error;
      failures.push(error);
    }
  }
  if (failures.length > 0)
    log.error("not_resealed", { column, count: failures.length, ...errorFields(failures[0]) });
  return count;
}
