import type { EventType } from "../events/event.ts";
import { isWithheld } from "../twilio/e164.ts";
import { meaningOf } from "../twilio/meanings.ts";

// Turns a webhook of Twilio into an event. No I/O here.

/** The webhook that Twilio called. */
export type WebhookKind = "voice" | "sms" | "status" | "recording" | "message";

/** One thing that happened. Twilio may report it more than once, each time with the same `key`. */
export type WebhookEvent = {
  key: string;
  type: EventType;
  data: Record<string, unknown>;
};

/** @returns undefined if there is no event: the call still runs, or the recording is absent */
export function eventFromWebhook(kind: WebhookKind, parameters: URLSearchParams): WebhookEvent | undefined {
  switch (kind) {
    case "voice":
      return callStarted(parameters);
    case "status":
      return callEnded(parameters);
    case "sms":
      return smsReceived(parameters);
    case "recording":
      return recordingCompleted(parameters);
    case "message":
      return textDelivered(parameters);
  }
}

function callStarted(parameters: URLSearchParams): WebhookEvent | undefined {
  const sid = parameters.get("CallSid");
  if (!sid) return undefined;
  return { key: `call/${sid}/started`, type: "call.started", data: call(sid, parameters) };
}

/** https://www.twilio.com/docs/voice/api/call-resource#call-status-values */
const ENDINGS: Readonly<Record<string, EventType>> = {
  completed: "call.completed",
  busy: "call.failed",
  failed: "call.failed",
  "no-answer": "call.failed",
  canceled: "call.failed",
};

function callEnded(parameters: URLSearchParams): WebhookEvent | undefined {
  const sid = parameters.get("CallSid");
  const status = parameters.get("CallStatus") ?? "";
  const type = Object.hasOwn(ENDINGS, status) ? ENDINGS[status] : undefined;
  if (!sid || !type) return undefined;
  const data = { ...call(sid, parameters), duration_seconds: wholeNumber(parameters.get("CallDuration")) };
  return { key: `call/${sid}/${status}`, type, data };
}

function call(sid: string, parameters: URLSearchParams) {
  return {
    call_id: sid,
    from: shown(parameters.get("From") ?? ""),
    to: parameters.get("To"),
    direction: parameters.get("Direction")?.replace(/^outbound-.*/, "outbound") ?? null,
    call_status: parameters.get("CallStatus"),
  };
}

const shown = (from: string): string => (isWithheld(from) ? "unknown" : from);

// Twilio sends at most ten. https://www.twilio.com/docs/messaging/guides/accepted-mime-types
const MAX_MEDIA = 10;

/** https://www.twilio.com/docs/messaging/guides/webhook-request */
function smsReceived(parameters: URLSearchParams): WebhookEvent | undefined {
  const sid = parameters.get("MessageSid") ?? parameters.get("SmsSid");
  if (!sid) return undefined;
  const count = Math.min(Number(parameters.get("NumMedia")) || 0, MAX_MEDIA);
  const media = Array.from({ length: count }, (_, index) => ({
    url: parameters.get(`MediaUrl${index}`),
    content_type: parameters.get(`MediaContentType${index}`),
  }));
  const data = {
    message_id: sid,
    from: shown(parameters.get("From") ?? ""),
    to: parameters.get("To"),
    text: parameters.get("Body") ?? "",
    media,
  };
  return { key: `message/${sid}`, type: "sms.received", data };
}

/** https://www.twilio.com/docs/voice/twiml/recording */
function recordingCompleted(parameters: URLSearchParams): WebhookEvent | undefined {
  const sid = parameters.get("RecordingSid");
  const status = parameters.get("RecordingStatus");
  if (!sid || status !== "completed") return undefined;
  const data = {
    recording_id: sid,
    call_id: parameters.get("CallSid"),
    recording_url: parameters.get("RecordingUrl"),
    duration_seconds: wholeNumber(parameters.get("RecordingDuration")),
    channels: wholeNumber(parameters.get("RecordingChannels")),
  };
  return { key: `recording/${sid}/${status}`, type: "recording.completed", data };
}

/** https://www.twilio.com/docs/messaging/api/message-resource#message-status-values */
const DELIVERIES: Readonly<Record<string, EventType>> = {
  delivered: "sms.delivered",
  undelivered: "sms.failed",
  failed: "sms.failed",
};

function textDelivered(parameters: URLSearchParams): WebhookEvent | undefined {
  const sid = parameters.get("MessageSid");
  const status = parameters.get("MessageStatus") ?? "";
  const type = Object.hasOwn(DELIVERIES, status) ? DELIVERIES[status] : undefined;
  if (!sid || !type) return undefined;
  const code = wholeNumber(parameters.get("ErrorCode")) ?? undefined;
  const meaning = meaningOf(code);
  const failure = {
    reason: meaning?.reason ?? status,
    twilio_code: code ?? null,
    ...(meaning && { hint: meaning.remedy }),
  };
  const data = {
    message_id: sid,
    from: parameters.get("From"),
    to: parameters.get("To"),
    ...(type === "sms.failed" && failure),
  };
  return { key: `message/${sid}/${status}`, type, data };
}

function wholeNumber(text: string | null): number | null {
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : null;
}
