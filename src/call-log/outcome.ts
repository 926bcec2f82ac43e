import { connectOf, isBuiltin } from "../agents/connect.ts";
import { findAgent } from "../agents/store.ts";
import { batch } from "../database.ts";
import { sealEvent } from "../events/event.ts";
import { insertPending } from "../events/pending-store.ts";
import { relay } from "../events/tell.ts";
import { ApiError } from "../http/errors.ts";
import type { Services } from "../services.ts";
import { isLive, type LoggedCall } from "./call.ts";
import { serialise } from "./logged-call.ts";
import { findNames } from "./numbers-store.ts";
import type { OutcomeBody } from "./query.ts";
import { reportedOf, sealOutcome, sealTranscript } from "./seals.ts";

/**
 * Writes down what the runtime of a call reports of it, instead of what it has reported before. Before the end, the event
 * of the end tells it; after it, an event of its own.
 *
 * @throws ApiError `agent_is_builtin`, `outcome_closed`, `call_not_found`
 * @throws StorageError
 */
export async function takeOutcome(
  call: LoggedCall,
  { transcript, ...outcome }: OutcomeBody,
  apiKeyId: string,
  services: Services,
): Promise<LoggedCall> {
  const { db, vault, now, callLogs } = services;
  const { call_id: callId, agent_id: agentId } = call;
  if (await isLedHere(call, apiKeyId, services)) throw new ApiError("agent_is_builtin");
  const stored = await callLogs.putOutcome(apiKeyId, callId, {
    transcriptSealed: transcript ? await sealTranscript(vault, callId, transcript) : null,
    outcomeSealed: await sealOutcome(vault, callId, outcome),
  });
  if (stored === null) throw new ApiError("call_not_found");
  if (stored === "closed") throw new ApiError("outcome_closed");
  if (isLive(stored.status)) return stored;
  const { from, to, direction, status: call_status, duration_seconds } = await serialise(stored, services);
  const about = { call_id: callId, from, to, direction, call_status, duration_seconds };
  const data = { ...about, ...(await reportedOf(stored, services)) };
  const { phone_number_id: id, phone_number: phoneNumber, external_id: externalId } = stored;
  const { label, metadata, connect_link_id: connectLinkId } = await findNames(db, id);
  const number = {
    id,
    phoneNumber,
    externalId,
    label,
    metadata: metadata && JSON.parse(metadata),
    connectLinkId,
  };
  const draft = { type: "call.updated" as const, apiKeyId, agentId, number, data };
  await batch(db, [insertPending(db, await sealEvent(draft, vault, now()), "told_by_call_log")]);
  services.defer(relay(apiKeyId, services));
  return stored;
}

/** A transcript that no runtime has reported is that of the built-in agent, whatever its agent is by now. */
async function isLedHere(call: LoggedCall, apiKeyId: string, { db }: Services): Promise<boolean> {
  if (call.outcome_sealed !== null) return false;
  const agent = call.agent_id === null ? null : await findAgent(db, apiKeyId, call.agent_id);
  return call.transcript_sealed !== null || (agent !== null && isBuiltin(connectOf(agent.connect)));
}
