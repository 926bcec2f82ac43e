import type { MiddlewareHandler } from "hono";
import { isLoopback } from "../public-url.ts";
import type { AppEnv } from "./context.ts";
import { ApiError } from "./errors.ts";

const API = /^\/(?:v1|webhooks|mcp|healthz)(?:\/|$)/;

/**
 * Answers nothing in the clear: a page is redirected to https, and the API refuses, so that a client that sends its key so
 * is noticed. This machine is exempt, and a tunnel to it, which names the scheme that it was asked by.
 *
 * @throws ApiError `https_required`
 */
export const requireHttps: MiddlewareHandler<AppEnv> = async (c, next) => {
  const url = new URL(c.req.url);
  const scheme = c.req.header("x-forwarded-proto") ?? url.protocol.slice(0, -1);
  if (scheme !== "http" || isLoopback(url.hostname)) return next();
  if (API.test(url.pathname)) throw new ApiError("https_required");
  url.protocol = "https:";
  return c.redirect(url.href, 308);
};
