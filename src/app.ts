import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { agents } from "./agents/routes.ts";
import { answering } from "./answering/routes.ts";
import { apiKeys } from "./api-keys/routes.ts";
import { documentation } from "./documentation/routes.ts";
import { health } from "./health.ts";
import { type AppEnv, requestContext } from "./http/context.ts";
import { handleError } from "./http/error-handler.ts";
import { ApiError } from "./http/errors.ts";
import { notFound } from "./http/not-found.ts";
import { phoneNumbers } from "./phone-numbers/routes.ts";

const MAX_BODY_BYTES = 64 * 1024;

export const app = new Hono<AppEnv>();

app.use(requestContext);
app.use(
  bodyLimit({
    maxSize: MAX_BODY_BYTES,
    onError: () => {
      throw new ApiError("payload_too_large");
    },
  }),
);

// What customers call.
app.route("/v1/keys", apiKeys);
app.route("/v1/agents", agents);
app.route("/v1/phone-numbers", phoneNumbers);

// What Twilio calls.
app.route("/webhooks/twilio", answering);

// What people and monitors look at.
app.route("/docs/errors", documentation);
app.route("/healthz", health);

app.onError(handleError);
app.notFound(notFound(app));
