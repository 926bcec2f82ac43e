import VoiceResponse from "twilio/lib/twiml/VoiceResponse.js";
import { validateRequest } from "twilio/lib/webhooks/webhooks.js";
import { answerCall } from "./answer-call.ts";

/** The careful way: only the files of the SDK that answering a call needs. */
export default answerCall(validateRequest, VoiceResponse);
