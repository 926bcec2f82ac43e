import VoiceResponse from "twilio/lib/twiml/VoiceResponse.js";
import { validateRequest } from "twilio/lib/webhooks/webhooks.js";

type SdkEnv = { DB: D1Database; PUBLIC_BASE_URL: string };
type Route = { auth_token: string; welcome_message: string };

/**
 * The least that answers a call with Twilio's SDK: of its files only the two that are needed, one query, one answer. No API,
 * no events, no log; the token is not even sealed.
 */
export default {
  async fetch(request: Request, env: SdkEnv): Promise<Response> {
    const { pathname } = new URL(request.url);
    const id = pathname.split("/").at(-2);
    const route = await env.DB.prepare("SELECT auth_token, welcome_message FROM bench_routes WHERE id = ?1")
      .bind(id)
      .first<Route>();
    const parameters = Object.fromEntries(new URLSearchParams(await request.text()));
    const signature = request.headers.get("x-twilio-signature") ?? "";
    if (!route || !validateRequest(route.auth_token, signature, env.PUBLIC_BASE_URL + pathname, parameters))
      return new Response(null, { status: 403 });
    const twiml = new VoiceResponse();
    twiml.say(route.welcome_message);
    twiml.hangup();
    return new Response(twiml.toString(), { headers: { "content-type": "text/xml" } });
  },
};
