import type { Warning } from "../http/warnings.ts";
import type { TextWarning } from "../twilio/text-registration.ts";

const MESSAGES: Record<TextWarning, string> = {
  a2p_unregistered:
    "Carriers of the United States refuse this number's texts (30034): register it for A2P 10DLC at Twilio, by adding it to " +
    "a Messaging Service with an approved campaign.",
  a2p_pending:
    "Carriers of the United States refuse this number's texts (30034) until its A2P 10DLC campaign is approved. Wait for Twilio.",
  tollfree_unverified:
    "Carriers refuse this toll-free number's texts (30032): have it verified in Twilio's Console, or correct what was rejected.",
  tollfree_pending:
    "Carriers refuse this toll-free number's texts (30032) until its verification is approved. Wait for Twilio.",
};

/** A text of the number will not arrive, though nothing is wrong here. */
export const textWarning = (code: TextWarning): Warning<TextWarning> => ({
  code,
  message: MESSAGES[code],
  details: {},
});
