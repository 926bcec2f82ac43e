import { getCookie, setCookie } from "hono/cookie";
import { isLoopback } from "../public-url.ts";
import type { AppContext } from "./context.ts";

/** With the prefix `__Host-`, a browser takes a cookie only over https, and sends it to this host only. */
export function putCookie(c: AppContext, name: string, value: string, maxAge: number): void {
  const secure = isLocal(c) ? {} : ({ secure: true, prefix: "host" } as const);
  setCookie(c, name, value, { maxAge, path: "/", httpOnly: true, sameSite: "Strict", ...secure });
}

/** The cookie of this name; empty if there is none. No log line has it. */
export function cookieOf(c: AppContext, name: string): string {
  const cookie = getCookie(c, name, isLocal(c) ? undefined : "host") ?? "";
  c.get("log").conceal(cookie);
  return cookie;
}

/** Local development has no https, and not every browser takes a Secure cookie there. */
function isLocal(c: AppContext): boolean {
  const { protocol, hostname } = new URL(c.req.url);
  return protocol === "http:" && isLoopback(hostname);
}
