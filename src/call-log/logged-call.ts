import type { Owner } from "../actor.ts";
import { ApiError } from "../http/errors.ts";
import type { Services } from "../services.ts";
import { CALL_SID } from "../twilio/call-sid.ts";
import { type AccountClient, accountClient } from "../twilio-accounts/client.ts";
import { findAccount } from "../twilio-accounts/store.ts";
import { isLive, type LoggedCall, type RuntimeOutcome, type Said } from "./call.ts";
import type { CallLogs } from "./client.ts";
import { openOutcome, openParties } from "./seals.ts";
import { openTranscript } from "./transcripts.ts";

/** A call as the API shows it. */
export type Call = {
  call_id: string;
  agent_id: string | null;
  /** Of the number, when the call was first heard of. */
  external_id: string | null;
  direction: LoggedCall["direction"];
  from: string;
  to: string;
  status: LoggedCall["status"];
  ended_reason: string | null;
  started_at: string;
  answered_at: string | null;
  ended_at: string | null;
  duration_seconds: number | null;
  /** Of this service, for whoever has the API key. */
  recording_url: string | null;
  created_at: string;
};

const time = (at: number) => new Date(at).toISOString();
const timeOrNull = (at: number | null) => (at === null ? null : time(at));

export async function serialise(
  call: LoggedCall,
  { vault, publicBaseUrl }: Pick<Services, "vault" | "publicBaseUrl">,
): Promise<Call> {
  const { call_id, agent_id, external_id, direction, status, ended_reason } = call;
  const { from, to } = await openParties(vault, call_id, call.parties_sealed);
  const reported = isLive(status) ? null : await openOutcome(vault, call_id, call.outcome_sealed);
  return {
    call_id,
    agent_id,
    external_id,
    direction,
    from,
    to,
    status,
    ended_reason: reported?.ended_reason ?? ended_reason,
    started_at: time(call.created_at),
    answered_at: timeOrNull(call.answered_at),
    ended_at: timeOrNull(call.ended_at),
    duration_seconds: call.duration_seconds,
    recording_url: call.recording_sid && `${publicBaseUrl}/v1/calls/${call_id}/recording`,
    created_at: time(call.created_at),
  };
}

/** With who said what, and what its runtime reported. */
export async function serialiseWhole(
  call: LoggedCall,
  services: Pick<Services, "vault" | "publicBaseUrl" | "transcripts" | "log">,
): Promise<Call & Pick<RuntimeOutcome, "summary" | "data"> & { transcript: Said[] }> {
  const { call_id, outcome_sealed } = call;
  const transcript = await openTranscript(call, services);
  const { summary, data } = await openOutcome(services.vault, call_id, outcome_sealed);
  return { ...(await serialise(call, services)), summary, data, transcript };
}

/** @throws ApiError `call_not_found` @throws StorageError */
export async function ownCall(callLogs: CallLogs, owner: Owner, callId: string): Promise<LoggedCall> {
  const call = CALL_SID.test(callId) ? await callLogs.get(owner.apiKeyId, callId) : null;
  const isOwn = owner.externalId === null || call?.external_id === owner.externalId;
  if (!call || !isOwn) throw new ApiError("call_not_found");
  return call;
}

/**
 * The account of a call at Twilio.
 *
 * @throws ApiError `call_account_gone`
 * @throws StorageError, VaultError, TwilioError
 */
export async function clientOf(
  call: LoggedCall,
  apiKeyId: string,
  services: Services,
): Promise<AccountClient> {
  const account = { apiKeyId, accountSid: call.account_sid, region: call.region };
  const stored = await findAccount(services.db, account);
  if (!stored) throw new ApiError("call_account_gone", { details: { twilio_sid: call.account_sid } });
  return accountClient({ ...account, id: stored.id }, stored, services);
}
