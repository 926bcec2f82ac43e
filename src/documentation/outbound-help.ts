import type { ErrorHelp } from "./help.ts";

/** The help for errors of calls and texts that an agent sends; a part of error-help.ts. */
export const outboundHelp = {
  from_number_not_found: {
    happened:
      "from_number is in E.164 format, but it is not a number of this agent. Twilio was not asked, and nothing was sent.",
    remedy: [
      "List the agent's numbers with GET /v1/phone-numbers?agent_id=… and send one of them.",
      "Or leave from_number out: the agent's first number that may call is used.",
    ],
  },
  agent_missing_phone_number: {
    happened: "The agent exists, but no phone number leads to it. Nothing was sent.",
    remedy: [
      "Import a number for this agent, or move one to it with PATCH /v1/phone-numbers/{number}.",
      "A number whose import is still running does not count yet.",
    ],
  },
  outbound_disabled: {
    happened:
      "The number's outbound_enabled is false, or the agent's is_active is. Twilio was not asked, and nothing was sent.",
    remedy: [
      'Send PATCH /v1/phone-numbers/{number} with {"outbound_enabled": true}.',
      "Or set is_active of the agent to true, if the message says so.",
    ],
  },
  message_too_long: {
    happened:
      "message has more than 1,600 characters, which is the most that Twilio takes. Nothing was sent.",
    remedy: ["Make it shorter, or send it as several texts."],
    details: { fields: ["message"] },
  },
  recipient_unsubscribed: {
    happened:
      "Twilio answered 21610: this recipient has sent STOP to this number, or to its Messaging Service. Nothing was sent.",
    remedy: [
      "Do not text this recipient. Only they can change it, by sending START to your number.",
      "Remove the recipient from your list: carriers count such texts against you.",
    ],
    details: { twilio_code: 21610, reason: "recipient_unsubscribed" },
  },
  sms_not_supported: {
    happened:
      "Twilio answered 21606 (the number cannot text) or 21612 (there is no route from this number to this recipient). Nothing was sent.",
    remedy: [
      "Look in Twilio's Console whether the number can send SMS. A landline number often cannot.",
      "Send from another number of the agent, best from the recipient's country.",
    ],
    details: { twilio_code: 21606, reason: "number_cannot_text" },
  },
  call_not_found: {
    happened: "No call of this API key has this id, or it is more than 30 days old, or it was deleted.",
    remedy: [
      "List your calls with GET /v1/calls. A call appears as soon as Twilio tells of it.",
      "Use the API key whose number took part in the call.",
    ],
  },
  call_in_progress: {
    happened: "The call has not ended yet, so there is more to come. Nothing was deleted.",
    remedy: ["End it with POST /v1/calls/{call_id}/hangup, or wait for call.completed, and delete it then."],
  },
  call_account_gone: {
    happened:
      "The last number of the call's Twilio account was released, and its Auth Token was deleted with it. Twilio cannot be asked.",
    remedy: [
      "Import a number of that account again; details.twilio_sid names it.",
      "Or use Twilio's Console, which has the call and its recording.",
    ],
    details: { twilio_sid: `AC${"0".repeat(32)}` },
  },
  recording_not_found: {
    happened: "The agent does not record, the recording is not ready yet, or it was deleted at Twilio.",
    remedy: [
      "Set record of the agent to true; later calls are recorded.",
      "recording.completed tells when a recording is ready.",
    ],
  },
  concurrent_call_limit: {
    happened:
      "The API key has as many outbound calls at once as it may. details.limit has the number. The call was not placed.",
    remedy: [
      "Wait until a call ends; the event call.completed or call.failed tells it. Then send the same request again.",
      "Ask the operator for a key with a higher concurrent_call_limit.",
    ],
    details: { limit: 10, retry_after: 5 },
  },
  outbound_failed: {
    happened:
      "Twilio refused the call or text, and details.twilio_code says why. Or Twilio did not answer, and details.outcome says " +
      "what is known: unknown means that it may have been carried out, not_sent means that it has not.",
    remedy: [
      "Look details.twilio_code up in Twilio's error reference; details.reason has it in a word.",
      "After outcome unknown, send the same request with the same Idempotency-Key. It is not sent twice: you get its SID, or learn that Twilio has nothing of it.",
      "Without an Idempotency-Key, look at your events or in Twilio's Console before you try again.",
    ],
    details: { twilio_status: 400, twilio_code: 21215, reason: "country_not_enabled" },
  },
} as const satisfies Record<string, ErrorHelp>;
