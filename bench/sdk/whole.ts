import twilio from "twilio";
import { answerCall } from "./answer-call.ts";

/** The way Twilio's documentation has it: the SDK is imported as a whole. */
export default answerCall(twilio.validateRequest, twilio.twiml.VoiceResponse);
