import { limitReached } from "../call-log/allowance.ts";
import { sealBrief } from "../call-log/attempt.ts";
import { sealParties } from "../call-log/seals.ts";
import { ApiError } from "../http/errors.ts";
import { newId } from "../ids.ts";
import type { Services } from "../services.ts";
import { createCall, listCalls } from "../twilio/calls.ts";
import { webhooksOf } from "../twilio/webhook-urls.ts";
import { attemptId, forget, resume, type Sending, sendOnce } from "./once.ts";
import type { CallBody } from "./schema.ts";
import { type Sender, type SendRequest, senderOf } from "./sender.ts";

const LIMIT_RETRY_AFTER_SECONDS = 5;

export type PlacedCall = { sid: string; from: string };

/**
 * Places a call: the number was read with the API key, so it waits only for the key's call log, the account's turn,
 * and one request to Twilio.
 *
 * @throws ApiError the faults of the number, `concurrent_call_limit`, `rate_limit_exceeded`, Twilio's refusals
 * @throws StorageError
 */
export async function placeCall(
  body: CallBody,
  request: SendRequest,
  services: Services,
): Promise<PlacedCall> {
  const { apiKeyId } = request;
  const sender = await senderOf(body, body.to_number, request, services);
  const sending = await prepare(body, sender, await attemptId(apiKeyId, request.idempotencyKey), services);
  const begun = await services.callLogs.begin(apiKeyId, sending.attempt, sender.limits);
  const from = sender.phoneNumber;
  if (begun.kind === "known") return { sid: await resume(sending, begun.attempt, services), from };
  if (begun.kind === "limit")
    throw new ApiError("concurrent_call_limit", {
      retryAfter: LIMIT_RETRY_AFTER_SECONDS,
      details: { limit: sender.limits.concurrent_call_limit },
    });
  if (begun.kind === "refused") throw limitReached(begun.allowance, services.now());
  // Not before: a call that is refused takes no turn.
  const perSecond = sender.limits.calls_per_second;
  const turn = await services.paces.turn(sender.account, perSecond).catch((error: unknown) => {
    services.defer(forget(sending, services));
    throw error;
  });
  if (turn.kind === "full") {
    services.defer(forget(sending, services));
    throw new ApiError("rate_limit_exceeded", {
      message:
        "More calls of this Twilio account are waiting than go out in ten seconds. Try again after Retry-After seconds.",
      retryAfter: Math.max(1, Math.ceil(turn.retryAfterMs / 1_000)),
    });
  }
  if (turn.waitMs > 0) await scheduler.wait(turn.waitMs);
  const sid = await sendOnce(sending, services);
  services.log.info("call_placed", { phone_number_id: sender.phoneNumberId, call_sid: sid });
  return { sid, from };
}

async function prepare(body: CallBody, sender: Sender, id: string, services: Services): Promise<Sending> {
  const { phoneNumber: from, phoneNumberId, externalId } = sender;
  const { to_number: to, machine_detection: detection } = body;
  const brief = {
    from,
    to,
    prompt: body.prompt,
    dynamicVars: body.dynamic_vars,
    welcomeMessage: body.welcome_message,
    // Whoever says what is said first says that something is.
    aiSpeaksFirst: body.ai_speaks_first ?? (body.welcome_message === null ? null : true),
    voicemailMessage: body.voicemail_message,
  };
  const [briefSealed, connected] = await Promise.all([
    sealBrief(services.vault, id, brief),
    sender.connect(),
  ]);
  const { endpoint, credentials } = connected;
  const urls = webhooksOf(services.publicBaseUrl, { accountId: sender.account.id, phoneNumberId }, id);
  const call = {
    from,
    to,
    url: urls.voice,
    fallbackUrl: urls.voiceFallback,
    statusCallback: urls.status,
    machine: detection === undefined ? null : { detection, callback: urls.machine },
  };
  return {
    attempt: { id, kind: "call", holder: newId("holder"), externalId, briefSealed },
    sender,
    connected,
    send: () => createCall(endpoint, credentials, call),
    note: async (sid) => {
      const report = {
        callId: sid,
        agentId: body.agent_id,
        phoneNumberId,
        phoneNumber: from,
        externalId,
        account: sender.account,
        direction: "outbound",
        status: "initiated",
        durationSeconds: null,
        endedReason: null,
        partiesSealed: await sealParties(services.vault, sid, { from, to }),
        transcriptSealed: null,
      } as const;
      return services.callLogs.report(sender.apiKeyId, report, id);
    },
    list: () => listCalls(endpoint, credentials, { from, to }),
  };
}
