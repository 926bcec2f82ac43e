import { createLogger } from "../http/log.ts";
import { resealEach } from "../reseal.ts";
import type { Vault } from "../vault/vault.ts";
import { outcomeSlot, partiesSlot, transcriptSlot } from "./call.ts";
import { findSealedCalls, replaceSealedCall } from "./calls-store.ts";

/** Seals anew what other keys than the first sealed, in up to `limit` calls behind a place. */
export async function resealCalls(sql: SqlStorage, vault: Vault, after: number, limit: number) {
  const prefix = `v1.${await vault.currentKeyId()}.`;
  const rows = findSealedCalls(sql, after, limit);
  const isCurrent = (sealed: string | null) => sealed === null || sealed.startsWith(prefix);
  const anew = async (sealed: string, slot: Parameters<typeof vault.open>[1]) =>
    vault.seal(await vault.open(sealed, slot), slot);
  const about = { column: "call_log.calls", log: createLogger({ object: "call_log" }) };
  const found = await resealEach(rows, about, async (row) => {
    const { seq, call_id, parties_sealed, transcript_sealed, outcome_sealed } = row;
    if ([parties_sealed, transcript_sealed, outcome_sealed].every(isCurrent)) return false;
    replaceSealedCall(sql, {
      seq,
      parties_sealed: await anew(parties_sealed, partiesSlot(call_id)),
      transcript_sealed: transcript_sealed && (await anew(transcript_sealed, transcriptSlot(call_id))),
      outcome_sealed: outcome_sealed && (await anew(outcome_sealed, outcomeSlot(call_id))),
    });
    return true;
  });
  return { found, position: rows.length < limit ? null : (rows.at(-1)?.seq ?? null) };
}
