import { Hono } from "hono/tiny";
import { answering } from "./answering/routes.ts";
import { type AppEnv, requestContext, requireConfig } from "./http/context.ts";
import { handleError } from "./http/error-handler.ts";
import { notFound, refuseTrailingSlash } from "./http/not-found.ts";

/** Where Twilio's webhooks are. */
export const WEBHOOKS = "/webhooks/twilio";

/** What Twilio calls. An app of its own, so that the first call of a fresh isolate waits for nothing that it does not need. */
export const webhooks = new Hono<AppEnv>();

webhooks.use(requestContext);
webhooks.use(refuseTrailingSlash);
webhooks.use(requireConfig);
webhooks.route(WEBHOOKS, answering);
webhooks.onError(handleError);
webhooks.notFound(notFound(webhooks));
