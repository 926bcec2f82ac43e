import { Hono } from "hono/tiny";
import { answering } from "./answering/routes.ts";
import { type AppEnv, requestContext, requireConfig } from "./http/context.ts";
import { handleError } from "./http/error-handler.ts";
import { requireHttps } from "./http/https.ts";
import { notFound, refuseTrailingSlash } from "./http/not-found.ts";
import { WEBHOOK_PATH } from "./twilio/webhook-urls.ts";

/** What Twilio calls. An app of its own, so that the first call of a fresh isolate waits for nothing that it does not need. */
export const twilioWebhooks = new Hono<AppEnv>();

twilioWebhooks.use(requestContext);
twilioWebhooks.use(requireHttps);
twilioWebhooks.use(refuseTrailingSlash);
twilioWebhooks.use(requireConfig);
twilioWebhooks.route(WEBHOOK_PATH, answering);
twilioWebhooks.onError(handleError);
twilioWebhooks.notFound(notFound(twilioWebhooks));
