import { Hono } from "hono";
import type { AppContext, AppEnv } from "../http/context.ts";
import { ApiError } from "../http/errors.ts";
import { errorFields } from "../http/log.ts";
import type { InboundRoute } from "../phone-numbers/store.ts";
import { say } from "../twilio/say.ts";
import { element, twimlResponse } from "../twilio/twiml.ts";
import { trustedRoute } from "./trusted-route.ts";

const DEFAULT_WELCOME = "Thank you for calling.";
const UNAVAILABLE = "This number is not taking calls at the moment. Please try again later.";
const DEFAULT_LANGUAGE = "en";

/** What Twilio calls. Calls are answered in TwiML: anything else is an application error in a caller's ear. */
export const answering = new Hono<AppEnv>()
  .post("/:id/voice", async (c) => {
    try {
      return welcome(await trustedRoute(c));
    } catch (error) {
      // A stray call to a number that is no longer ours. Other failures make Twilio ask the fallback below.
      if (isCode(error, "not_found")) return unavailable();
      throw error;
    }
  })
  .post("/:id/voice-fallback", async (c) => {
    try {
      return welcome(await trustedRoute(c));
    } catch (error) {
      // There is nothing after the fallback. Whatever else is broken here, the caller hears a sentence.
      if (isCode(error, "invalid_signature")) throw error;
      c.get("log").warn("fallback_of_the_fallback", errorFields(error));
      return unavailable();
    }
  })
  .post("/:id/sms", takeInText)
  .post("/:id/sms-fallback", takeInText)
  .post("/:id/status", takeInCallback)
  .post("/:id/recording", takeInCallback);

function welcome({ inbound_enabled, is_active, welcome_message, language }: InboundRoute): Response {
  if (inbound_enabled === 0 || is_active !== 1) return unavailable();
  return hangUpAfter(welcome_message ?? DEFAULT_WELCOME, language ?? DEFAULT_LANGUAGE);
}

function unavailable(): Response {
  return hangUpAfter(UNAVAILABLE, DEFAULT_LANGUAGE);
}

function hangUpAfter(text: string, language: string): Response {
  return twimlResponse(say(text, language), element("Hangup"));
}

async function takeInText(c: AppContext): Promise<Response> {
  await trustedRoute(c);
  return twimlResponse();
}

async function takeInCallback(c: AppContext): Promise<Response> {
  await trustedRoute(c);
  return c.body(null, 204);
}

function isCode(error: unknown, code: ApiError["code"]): boolean {
  return error instanceof ApiError && error.code === code;
}
