import type { Health } from "./types.ts";

export type Tone = "good" | "warn" | "bad";

type Remedy = "token" | "check" | "repair" | "look";

type About = {
  /** A few words, for tables. */
  short: string;
  /** What it means for the callers. */
  means: string;
  tone: Tone;
  /** What mends it, if a click can. */
  remedy: Remedy;
};

/** Every health of a number, in words. */
export const HEALTH: Record<Health, About> = {
  ok: { short: "OK", means: "Twilio sends its calls and texts here.", tone: "good", remedy: "check" },
  credentials_rejected: {
    short: "Token refused",
    means:
      "Twilio refuses the Auth Token of this account, so its numbers can be neither checked nor repaired. Somebody has " +
      "probably rotated the token at Twilio.",
    tone: "bad",
    remedy: "token",
  },
  signed_by_other_key: {
    short: "Signed by another key",
    means:
      "A Webhook Rule of this Twilio account has requests signed with a key that is unknown here, so calls and texts are " +
      "refused. Delete the Rule at Twilio, or add one for this service that signs with the Auth Token.",
    tone: "bad",
    remedy: "look",
  },
  signatures_refused: {
    short: "Signatures refused",
    means:
      "Requests in Twilio's name did not fit the stored Auth Token, so calls and texts are refused. Somebody has probably " +
      "rotated the token at Twilio.",
    tone: "bad",
    remedy: "token",
  },
  signatures_unproven: {
    short: "Not proven",
    means:
      "No request has shown yet that Twilio signs with the SharedKey of this account. If its Webhook Rule is not in force, calls " +
      "and texts are refused.",
    tone: "warn",
    remedy: "look",
  },
  unreachable: {
    short: "Not checked",
    means: "Twilio did not answer the last check. Nothing is known to be wrong.",
    tone: "warn",
    remedy: "check",
  },
  number_missing: {
    short: "Gone at Twilio",
    means:
      "The Twilio account no longer has this number: it was released, or moved to another account. No call can arrive.",
    tone: "bad",
    remedy: "look",
  },
  routed_elsewhere: {
    short: "Other Region",
    means:
      "Another Twilio Region handles the calls to this number, so they do not arrive here. Route the number to its " +
      "Region at Twilio, or release it and import it with the token of the other Region.",
    tone: "bad",
    remedy: "look",
  },
  overridden_by_trunk: {
    short: "SIP trunk",
    means: "The number is attached to a SIP trunk at Twilio, which gets its calls instead.",
    tone: "bad",
    remedy: "repair",
  },
  overridden_by_application: {
    short: "TwiML App",
    means: "The number is attached to a TwiML App at Twilio, which gets its calls or texts instead.",
    tone: "bad",
    remedy: "repair",
  },
  receives_fax: {
    short: "Receives fax",
    means: "The number is set to receive faxes, so no caller reaches the agent.",
    tone: "bad",
    remedy: "repair",
  },
  url_mismatch: {
    short: "Webhook changed",
    means: "Somebody changed the number's webhooks at Twilio, so calls or texts go elsewhere.",
    tone: "bad",
    remedy: "repair",
  },
  wrong_method: {
    short: "Wrong method",
    means: "Somebody changed the HTTP method of the number's webhooks at Twilio.",
    tone: "warn",
    remedy: "repair",
  },
  fallback_missing: {
    short: "No fallback",
    means:
      "Calls arrive, but the fallback URL at Twilio is gone: during a failure callers would hear Twilio's error.",
    tone: "warn",
    remedy: "repair",
  },
  repair_contested: {
    short: "Contested",
    means:
      "Another system keeps changing this number: it was repaired three times and changed again each time. Find that " +
      "system first, then start the repairs again.",
    tone: "bad",
    remedy: "repair",
  },
  region_unchecked: {
    short: "Region unknown",
    means: "The number's Region could not be read at Twilio. Nothing is known to be wrong.",
    tone: "warn",
    remedy: "check",
  },
  conversation_relay_refused: {
    short: "No ConversationRelay",
    means:
      "Twilio has not enabled ConversationRelay for this account, so callers are heard more slowly. Its owner can enable it " +
      "in Twilio's Console.",
    tone: "warn",
    remedy: "look",
  },
};

/** Every health, the most serious first, as the API orders them; `ok` comes last. */
export const BY_SEVERITY = [...Object.keys(HEALTH).slice(1), "ok"] as Health[];

export const rank = (health: Health): number => BY_SEVERITY.indexOf(health);
