import { Hono } from "hono/tiny";
import { agents } from "./agents/routes.ts";
import { apiKeys } from "./api-keys/routes.ts";
import { keySecrets } from "./api-keys/secret-routes.ts";
import { sessions } from "./api-keys/session-routes.ts";
import { bulkImports } from "./bulk-imports/routes.ts";
import { callLog, keyCalls } from "./call-log/routes.ts";
import { usage } from "./call-log/usage-routes.ts";
import { connectPage } from "./connect-links/page-routes.ts";
import { connectLinks } from "./connect-links/routes.ts";
import { documentation } from "./documentation/routes.ts";
import { keyDeliveries } from "./events/key-routes.ts";
import { webhooks } from "./events/routes.ts";
import { health } from "./healthz.ts";
import { type AppEnv, requestContext, requireConfig } from "./http/context.ts";
import { handleError } from "./http/error-handler.ts";
import { requireHttps } from "./http/https.ts";
import { notFound, refuseTrailingSlash } from "./http/not-found.ts";
import { refuseUnknownParameters } from "./http/query.ts";
import { mcp } from "./mcp/routes.ts";
import { calls, texts } from "./outbound/routes.ts";
import { adminNumbers } from "./phone-numbers/admin-routes.ts";
import { availableNumbers, phoneNumbers } from "./phone-numbers/routes.ts";
import { accountHealth, numberChecks } from "./reconciliation/routes.ts";
import { sentences, tries } from "./trying/routes.ts";
import { twilioAccounts } from "./twilio-accounts/routes.ts";

/** Everything but what Twilio calls, which is in webhooks.ts. */
export const app = new Hono<AppEnv>();

app.use(requestContext);
app.use(requireHttps);
app.use(refuseTrailingSlash);

// What people read. Works without a valid configuration, because the error pages explain that fault too.
app.route("/", documentation);

app.use(requireConfig);
app.use("/v1/*", refuseUnknownParameters);
// What customers call.
app.route("/v1/keys", keySecrets);
app.route("/v1/keys", apiKeys);
app.route("/v1/keys", keyDeliveries);
app.route("/v1/keys", keyCalls);
app.route("/v1/session", sessions);
app.route("/v1/agents", agents);
app.route("/v1/agents", tries);
app.route("/v1/sentences", sentences);
app.route("/v1/phone-numbers", phoneNumbers);
app.route("/v1/phone-numbers", numberChecks);
app.route("/v1/admin/phone-numbers", adminNumbers);
app.route("/v1/phone-number-imports", bulkImports);
app.route("/v1/twilio-accounts", twilioAccounts);
app.route("/v1/twilio-accounts", availableNumbers);
app.route("/v1/connect-links", connectLinks);
app.route("/v1/account", accountHealth);
app.route("/v1/calls", calls);
app.route("/v1/calls", callLog);
app.route("/v1/usage", usage);
app.route("/v1/sms", texts);
app.route("/v1/webhooks", webhooks);

// What the page of a connect link calls, by the link's token.
app.route("/v1/connect", connectPage);

// What language models call. A tool call is a request to this app.
app.route(
  "/mcp",
  mcp((request, c) => app.fetch(request, c.env, c.executionCtx)),
);

// What monitors call.
app.route("/healthz", health);

app.onError(handleError);
app.notFound(notFound(app));
