import { Hono } from "hono/tiny";
import { agents } from "./agents/routes.ts";
import { forgetRoutes } from "./answering/route-cache.ts";
import { answering } from "./answering/routes.ts";
import { apiKeys } from "./api-keys/routes.ts";
import { documentation } from "./documentation/routes.ts";
import { keyDeliveries } from "./events/key-routes.ts";
import { webhooks } from "./events/routes.ts";
import { health } from "./health.ts";
import { type AppEnv, requestContext, requireConfig } from "./http/context.ts";
import { handleError } from "./http/error-handler.ts";
import { notFound, refuseTrailingSlash } from "./http/not-found.ts";
import { phoneNumbers } from "./phone-numbers/routes.ts";
import { accountHealth, numberChecks } from "./reconciliation/routes.ts";

export const app = new Hono<AppEnv>();

app.use(requestContext);
app.use(refuseTrailingSlash);

// What people read. Error pages explain a faulty configuration too, so they need none.
app.route("/", documentation);

app.use(requireConfig);
// What customers call.
app.route("/v1/keys", apiKeys);
app.route("/v1/keys", keyDeliveries);
// A call to a number is answered by its agent as it is now.
app.route("/v1/agents", agents(forgetRoutes));
app.route("/v1/phone-numbers", phoneNumbers);
app.route("/v1/phone-numbers", numberChecks);
app.route("/v1/account", accountHealth);
app.route("/v1/webhooks", webhooks);

// What Twilio calls.
app.route("/webhooks/twilio", answering);

// What monitors look at.
app.route("/healthz", health);

app.onError(handleError);
app.notFound(notFound(app));
