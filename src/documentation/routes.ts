import { Hono } from "hono";
import { html } from "hono/html";
import type { AppEnv } from "../http/context.ts";
import { ApiError, type ErrorCode, errorCatalogue, errorType } from "../http/errors.ts";

/** `GET /docs/errors/{code}`: the page an error's `doc_url` leads to. */
export const documentation = new Hono<AppEnv>().get("/:code", (c) => {
  const code = c.req.param("code");
  if (!Object.hasOwn(errorCatalogue, code)) throw new ApiError("not_found");
  const { status, message } = errorCatalogue[code as ErrorCode];
  const retry = "retryable" in errorCatalogue[code as ErrorCode];
  return c.html(
    html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${code} · Nixflex Numbers</title>
<h1><code>${code}</code></h1>
<p>HTTP ${status}, type <code>${errorType(status)}</code></p>
<p>${message}</p>
<p>${retry ? "The same request may be sent again." : "Sending the same request again gives the same answer until its cause is mended."}</p>
</html>`,
  );
});
