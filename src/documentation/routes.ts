import { Hono } from "hono/tiny";
import type { AppContext, AppEnv } from "../http/context.ts";
import { ApiError } from "../http/errors.ts";

// scripts/documentation builds all of this before deployment, as static assets, with their headers. Most of it Cloudflare
// serves without asking the Worker; wrangler.toml says what not.

/** The landing page, the reference, the guides, the console, the error pages, and their assets. */
export const documentation = new Hono<AppEnv>()
  .get("/", async (c) => withOrigin(c, await asset(c)))
  .get("/docs", asset)
  .get("/console", asset)
  .get("/connect", asset)
  .get("/assets/:file", asset)
  .get("/docs/errors", asset)
  .get("/docs/errors/:code{[a-z0-9_]+}", asset)
  .get("/docs/:guide{[a-z-]+}", async (c) => withOrigin(c, await asset(c)))
  .get("/openapi.json", asset)
  .get("/llms.txt", asset)
  .get("/llms-full.txt", asset);

async function asset(c: AppContext): Promise<Response> {
  // Without a body, which a GET may have: nobody would read it, and wrangler's server dies of that.
  const ifNoneMatch = c.req.header("if-none-match");
  const headers = ifNoneMatch === undefined ? {} : { "if-none-match": ifNoneMatch };
  const found = await c.env.ASSETS.fetch(new Request(c.req.url, { method: c.req.method, headers }));
  if (found.status >= 400) throw new ApiError("not_found");
  return new Response(found.body, found);
}

/** Puts the origin of this request into the page's examples. */
function withOrigin(c: AppContext, page: Response): Response {
  const { origin } = new URL(c.req.url);
  return new HTMLRewriter()
    .on("[data-origin]", { element: (element) => void element.setInnerContent(origin) })
    .transform(page);
}
