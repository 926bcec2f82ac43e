/** The errors of calls and texts that an agent sends; a part of the catalogue in errors.ts. */
export const outboundErrors = {
  from_number_not_found: {
    status: 400,
    message: "from_number is not one of this agent's numbers. Send one that is, or leave it out.",
  },
  agent_missing_phone_number: {
    status: 400,
    message: "This agent has no phone number, so it can neither call nor text. Import a number for it first.",
  },
  outbound_disabled: {
    status: 403,
    message:
      "This number neither calls nor texts, because its outbound_enabled is false. Set it to true with PATCH first.",
  },
  message_too_long: { status: 400, message: "message is longer than 1,600 characters. Shorten it." },
  recipient_unsubscribed: {
    status: 403,
    message: "The recipient has sent STOP to this number and gets no texts from it until they send START.",
  },
  sms_not_supported: {
    status: 400,
    message: "Twilio cannot send a text from this number to this recipient. details.twilio_code says why.",
  },
  call_not_found: { status: 404, message: "This API key has no such call. Calls are kept for 30 days." },
  call_in_progress: {
    status: 409,
    message: "The call is still running. End it with POST /v1/calls/{call_id}/hangup, then delete it.",
  },
  call_account_gone: {
    status: 409,
    message:
      "The Twilio account of this call has no imported number any more, so its token is gone. Nothing was changed. Use Twilio itself.",
  },
  recording_not_found: { status: 404, message: "This call has no recording, or Twilio has deleted it." },
  concurrent_call_limit: {
    status: 429,
    retryable: true,
    message:
      "This API key has as many calls at once as it may; details.limit says how many. Wait until one ends.",
  },
  outbound_refused: {
    status: 422,
    message:
      "Twilio refused this call or text, and would refuse it again. details.twilio_code is Twilio's error code, and " +
      "details.reason what it means.",
  },
  outbound_failed: {
    status: 502,
    message: "Twilio cannot take this call or text now. Nothing was sent. Try again later.",
  },
} as const;
