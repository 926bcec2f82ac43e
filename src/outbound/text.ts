import { limitReached } from "../call-log/allowance.ts";
import { sealBrief } from "../call-log/attempt.ts";
import { newId } from "../ids.ts";
import type { Services } from "../services.ts";
import { listMessages, sendMessage } from "../twilio/messages.ts";
import { webhooksOf } from "../twilio/webhook-urls.ts";
import { messagingServiceOf, sendThrough } from "./messaging-service.ts";
import { attemptId, resume, type Sending, sendOnce } from "./once.ts";
import type { TextBody } from "./schema.ts";
import { type SendRequest, senderOf } from "./sender.ts";

/**
 * Sends a text: the number was read with the API key, so it waits for the key's call log and one request to Twilio. A number's first text waits until it is
 * known which Messaging Service it is in.
 *
 * @throws ApiError the faults of the number, and Twilio's refusals
 * @throws StorageError
 */
export async function sendText(
  body: TextBody,
  request: SendRequest,
  services: Services,
): Promise<{ sid: string; from: string }> {
  const { apiKeyId, idempotencyKey } = request;
  const sender = await senderOf(body, body.to, request, services);
  const id = await attemptId(apiKeyId, idempotencyKey);
  const text = { from: sender.phoneNumber, to: body.to, body: body.message };
  const brief = {
    from: text.from,
    to: text.to,
    prompt: null,
    dynamicVars: {},
    welcomeMessage: null,
    aiSpeaksFirst: null,
    voicemailMessage: null,
  };
  const [briefSealed, connected] = await Promise.all([
    sealBrief(services.vault, id, brief),
    sender.connect(),
  ]);
  const { endpoint, credentials } = connected;
  const { message } = webhooksOf(services.publicBaseUrl, {
    accountId: sender.account.id,
    phoneNumberId: sender.phoneNumberId,
  });
  const through = messagingServiceOf(sender, connected, services);
  const send = (service: string | null) =>
    sendMessage(endpoint, credentials, text, { messagingServiceSid: service, statusCallback: message });
  const sending: Sending = {
    attempt: { id, kind: "sms", holder: newId("holder"), externalId: sender.externalId, briefSealed },
    sender,
    connected,
    send: async () => sendThrough(await through, send, sender, connected, services),
    note: (sid) => services.callLogs.note(apiKeyId, id, { sid, state: "ended" }),
    list: () => listMessages(endpoint, credentials, text),
  };
  const [begun] = await Promise.all([
    services.callLogs.begin(apiKeyId, sending.attempt, sender.limits),
    through,
  ]);
  if (begun.kind === "refused") throw limitReached(begun.allowance, services.now());
  const sid =
    begun.kind === "known"
      ? await resume(sending, begun.attempt, services)
      : await sendOnce(sending, services);
  return { sid, from: text.from };
}
