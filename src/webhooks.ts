import { Hono } from "hono/tiny";
import { answerTwilio } from "./answering/routes.ts";
import { type AppEnv, requestContext, requireConfig } from "./http/context.ts";
import { handleError } from "./http/error-handler.ts";
import { requireHttps } from "./http/https.ts";
import { refuseTrailingSlash } from "./http/not-found.ts";

/** What Twilio calls. An app of its own, so that the first call of a fresh isolate waits for nothing that it does not need. */
export const twilioWebhooks = new Hono<AppEnv>();

for (const step of [requestContext, requireHttps, refuseTrailingSlash, requireConfig])
  twilioWebhooks.use(step);
// One route: a table is quicker to make and to search than a route for each.
twilioWebhooks.all("/*", answerTwilio);
twilioWebhooks.onError(handleError);
