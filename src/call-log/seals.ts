import type { Services } from "../services.ts";
import { openJson, type Vault } from "../vault/vault.ts";
import {
  type LoggedCall,
  outcomeSlot,
  partiesSlot,
  type RuntimeOutcome,
  type Said,
  transcriptSlot,
} from "./call.ts";
import { openTranscript } from "./transcripts.ts";

/** Who called whom: E.164, or what Twilio says instead, such as `anonymous` or a SIP address. */
export type Parties = { from: string; to: string };

const MAX_LENGTH = 200;

export function sealParties(vault: Vault, callId: string, { from, to }: Parties): Promise<string> {
  const parties = { from: from.slice(0, MAX_LENGTH), to: to.slice(0, MAX_LENGTH) };
  return vault.seal(JSON.stringify(parties), partiesSlot(callId));
}

const UNKNOWN: Parties = { from: "unknown", to: "unknown" };

/** If the sealing key is lost, the rest of the call is known all the same. */
export async function openParties(vault: Vault, callId: string, sealed: string): Promise<Parties> {
  return (await openJson<Parties>(vault, sealed, partiesSlot(callId))) ?? UNKNOWN;
}

export function sealTranscript(vault: Vault, callId: string, transcript: readonly Said[]): Promise<string> {
  return vault.seal(JSON.stringify(transcript), transcriptSlot(callId));
}

export function sealOutcome(vault: Vault, callId: string, outcome: RuntimeOutcome): Promise<string> {
  return vault.seal(JSON.stringify(outcome), outcomeSlot(callId));
}

const UNREPORTED: RuntimeOutcome = { ended_reason: null, summary: null, data: null };

export async function openOutcome(
  vault: Vault,
  callId: string,
  sealed: string | null,
): Promise<RuntimeOutcome> {
  return (sealed && (await openJson<RuntimeOutcome>(vault, sealed, outcomeSlot(callId)))) || UNREPORTED;
}

/** What a runtime has reported of a call, as events tell it. */
export async function reportedOf(
  call: LoggedCall,
  services: Pick<Services, "vault" | "transcripts" | "log">,
) {
  const { call_id, outcome_sealed, ended_reason } = call;
  const outcome = await openOutcome(services.vault, call_id, outcome_sealed);
  const transcript = await openTranscript(call, services);
  return { ...outcome, ended_reason: outcome.ended_reason ?? ended_reason, transcript };
}
