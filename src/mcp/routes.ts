import { createMiddleware } from "hono/factory";
import { Hono } from "hono/tiny";
import { authenticate } from "../api-keys/authenticate.ts";
import type { AppEnv } from "../http/context.ts";
import { ApiError } from "../http/errors.ts";
import { requireJson } from "../http/json-body.ts";
import { limitReads } from "../http/rate-limit.ts";
import { isStateless, type Message, parseMessage, RpcError } from "./message.ts";
import { type CallApi, resultOf } from "./methods.ts";

/**
 * A page of another site must not use this server, even if its host name resolves to it (DNS rebinding). So the host of
 * the request proves nothing. https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http
 *
 * @throws ApiError `origin_not_allowed`
 */
const refuseForeignOrigin = createMiddleware<AppEnv>(async (c, next) => {
  const origin = c.req.header("origin");
  if (origin !== undefined && origin !== c.get("config").publicBaseUrl)
    throw new ApiError("origin_not_allowed");
  await next();
});

/**
 * The API as tools of the Model Context Protocol, by Streamable HTTP without sessions or streams.
 *
 * @param callApi answers a request to the API. A tool call is one, with the caller's own key.
 */
export const mcp = (callApi: CallApi) =>
  new Hono<AppEnv>().post(
    "/",
    refuseForeignOrigin,
    authenticate("nothing"),
    limitReads,
    requireJson,
    async (c) => {
      let message: Message | undefined;
      try {
        message = parseMessage(await c.req.text());
        const stateless = isStateless(message, c.req.raw.headers);
        if (message.id === undefined) return c.body(null, 202);
        return c.json({
          jsonrpc: "2.0",
          id: message.id,
          result: await resultOf(message, stateless, c, callApi),
        });
      } catch (error) {
        if (!(error instanceof RpcError)) throw error;
        const { code, message: said, data, status } = error;
        return c.json(
          { jsonrpc: "2.0", id: message?.id ?? null, error: { code, message: said, data } },
          status,
        );
      }
    },
  );
