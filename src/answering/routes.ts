import { Hono } from "hono";
import type { AppEnv } from "../http/context.ts";
import { say } from "../twilio/say.ts";
import { element, twimlResponse } from "../twilio/twiml.ts";
import { verifyTwilio } from "./verify.ts";

const DEFAULT_WELCOME = "Thank you for calling.";
const UNAVAILABLE = "This number is not taking calls at the moment. Please try again later.";
const DEFAULT_LANGUAGE = "en";

/** What Twilio calls. Every answer is TwiML or empty: anything else is an application error in a caller's ear. */
export const answering = new Hono<AppEnv>();

for (const path of ["/:id/voice", "/:id/voice-fallback"] as const) {
  answering.post(path, verifyTwilio, (c) => {
    const { inbound_enabled, is_active, welcome_message, language } = c.get("route");
    const isAnswered = inbound_enabled === 1 && is_active === 1;
    const text = isAnswered ? (welcome_message ?? DEFAULT_WELCOME) : UNAVAILABLE;
    return twimlResponse(say(text, (isAnswered ? language : null) ?? DEFAULT_LANGUAGE), element("Hangup"));
  });
}

for (const path of ["/:id/sms", "/:id/sms-fallback"] as const) {
  answering.post(path, verifyTwilio, () => twimlResponse());
}

for (const path of ["/:id/status", "/:id/recording"] as const) {
  answering.post(path, verifyTwilio, (c) => c.body(null, 204));
}
