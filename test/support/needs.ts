import type { Need } from "../../src/api-keys/permission.ts";
import { app } from "../../src/app.ts";

/** What each route under /v1, and /mcp, needs of a secret of an API key; undefined: it is not opened by one. */
export const needs = new Map<string, Need | undefined>();
for (const { method, path, handler } of app.routes) {
  const route = `${method} ${path}`;
  if (method === "ALL" || !(path.startsWith("/v1/") || path === "/mcp")) continue;
  const { need } = handler as { need?: Need };
  needs.set(route, needs.get(route) ?? need);
}
