import type { validateRequest } from "twilio";
import type VoiceResponse from "twilio/lib/twiml/VoiceResponse.js";

type SdkEnv = { DB: D1Database; PUBLIC_BASE_URL: string };
type Route = { auth_token: string; welcome_message: string };

/** Its table; the token is not even sealed. */
export const SDK_SCHEMA =
  "CREATE TABLE bench_routes (id TEXT PRIMARY KEY, auth_token TEXT NOT NULL, welcome_message TEXT NOT NULL) STRICT";

/** What the Worker does when a call comes in, with the SDK's signature check and TwiML: one query, one answer. */
export function answerCall(validate: typeof validateRequest, Twiml: typeof VoiceResponse) {
  return {
    async fetch(request: Request, env: SdkEnv): Promise<Response> {
      const { pathname } = new URL(request.url);
      const route = await env.DB.prepare("SELECT auth_token, welcome_message FROM bench_routes WHERE id = ?1")
        .bind(pathname.split("/").at(-2))
        .first<Route>();
      const parameters = Object.fromEntries(new URLSearchParams(await request.text()));
      const signature = request.headers.get("x-twilio-signature") ?? "";
      if (!route || !validate(route.auth_token, signature, env.PUBLIC_BASE_URL + pathname, parameters)) {
        return new Response(null, { status: 403 });
      }
      const twiml = new Twiml();
      twiml.say(route.welcome_message);
      twiml.hangup();
      return new Response(twiml.toString(), { headers: { "content-type": "text/xml" } });
    },
  };
}
