import { type CallReport, isLive, reasonOf, statusOf } from "../call-log/call.ts";
import { reportedOf, sealParties, sealTranscript } from "../call-log/seals.ts";
import type { Outcome } from "../conversations/conversation.ts";
import { ApiError } from "../http/errors.ts";
import { errorFields } from "../http/log.ts";
import type { Services } from "../services.ts";
import { CALL_SID } from "../twilio/call-sid.ts";
import { isWithheld } from "../twilio/e164.ts";
import type { WebhookKind } from "./event-from-webhook.ts";
import type { TrustedRequest } from "./trusted-request.ts";

const RECORDING_SID = /^RE[0-9a-fA-F]{32}$/;

/**
 * Writes into the log of its API key what Twilio reports of a call. What comes twice is written once.
 *
 * @param outcome what the agent's conversation knows of the call's end
 * @returns what the call's runtime has reported, if it has
 * @throws StorageError Twilio repeats what it reports if we answer so
 */
export async function logCall(
  kind: WebhookKind,
  request: TrustedRequest,
  outcome: Partial<Outcome> | null,
  services: Services,
): Promise<object | null> {
  const { route, parameters } = request;
  const { apiKeyId } = route;
  const callId = parameters.get("CallSid") ?? "";
  if (!CALL_SID.test(callId)) return null;
  if (kind === "recording") {
    const recordingSid = parameters.get("RecordingSid") ?? "";
    if (parameters.get("RecordingStatus") !== "completed" || !RECORDING_SID.test(recordingSid)) return null;
    // Reports come in any order. Twilio comes again, and then the call is known.
    if (!(await services.callLogs.recorded(apiKeyId, callId, recordingSid)))
      throw new ApiError("storage_unavailable", { message: "The call of this recording is not known yet." });
    return null;
  }
  const report = await reportOf(kind, callId, request, outcome, services);
  const call = report && (await services.callLogs.report(apiKeyId, report, route.outbound?.id));
  return call ? reportedOf(call, services) : null;
}

/** The same after Twilio has its answer. Never throws. */
export async function logCallLater(request: TrustedRequest, services: Services): Promise<void> {
  try {
    await logCall("voice", request, null, services);
  } catch (error) {
    // Twilio tells the end of the call too, and that writes down all of it.
    services.log.warn("call_not_logged", {
      phone_number_id: request.route.phoneNumberId,
      ...errorFields(error),
    });
  }
}

async function reportOf(
  kind: WebhookKind,
  callId: string,
  { route, parameters }: TrustedRequest,
  outcome: Partial<Outcome> | null,
  { vault }: Services,
): Promise<CallReport | undefined> {
  // Twilio asks what to do with a call before it says that the call is answered: it is, by our answer, unless that rejects it.
  const status = kind === "voice" && !route.reject ? "in-progress" : statusOf(parameters.get("CallStatus"));
  if (!status) return undefined;
  const { agent, phoneNumberId, phoneNumber, externalId, accountSid, region, outbound } = route;
  const duration = parameters.get("CallDuration") ?? "";
  const transcript = outcome?.transcript;
  const from = parameters.get("From") ?? "";
  const parties = { from: isWithheld(from) ? "unknown" : from, to: parameters.get("To") ?? "" };
  return {
    callId,
    agentId: agent?.id ?? null,
    phoneNumberId,
    phoneNumber,
    externalId,
    account: { accountSid, region },
    direction: outbound ? "outbound" : "inbound",
    status,
    durationSeconds: /^\d{1,9}$/.test(duration)
      ? Number(duration)
      : status === "completed" || isLive(status)
        ? null
        : 0,
    endedReason: status === "completed" ? (outcome?.ended_reason ?? "completed") : reasonOf(status),
    partiesSealed: await sealParties(vault, callId, parties),
    transcriptSealed: transcript?.length ? await sealTranscript(vault, callId, transcript) : null,
  };
}
