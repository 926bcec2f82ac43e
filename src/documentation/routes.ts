import { Hono } from "hono/tiny";
import type { AppContext, AppEnv } from "../http/context.ts";
import { ApiError } from "../http/errors.ts";

// scripts/documentation builds all of this before deployment, as static assets. The Worker serves them, so that each
// response has a request id and security headers.

const NOTHING_ELSE = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const PAGE_POLICY = `default-src 'none'; style-src 'self'; img-src 'self'; ${NOTHING_ELSE}`;
// A script puts copy buttons on code.
const GUIDE_POLICY = `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; ${NOTHING_ELSE}`;
// The reference is a third party's application: its styles are inline, and it can call this API for the reader.
const REFERENCE_POLICY = `default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; ${NOTHING_ELSE}`;

// The console calls this API, and plays recordings that it has fetched.
const CONSOLE_POLICY = `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src blob:; connect-src 'self'; ${NOTHING_ELSE}`;

// A file under /docs/assets has the hash of its content in its name.
const REVALIDATE = "no-cache";
const FOREVER = "public, max-age=31536000, immutable";

/** The landing page, the reference, the guides, the console, the error pages, and their assets. */
export const documentation = new Hono<AppEnv>()
  .get("/", async (c) => withOrigin(c, await asset(c, GUIDE_POLICY)))
  .get("/docs", (c) => asset(c, REFERENCE_POLICY))
  .get("/console", (c) => asset(c, CONSOLE_POLICY))
  .get("/docs/assets/:file", (c) => asset(c, PAGE_POLICY, FOREVER))
  .get("/docs/errors", (c) => asset(c))
  .get("/docs/errors/:code{[a-z0-9_]+}", (c) => asset(c))
  .get("/docs/:guide{[a-z-]+}", async (c) => withOrigin(c, await asset(c, GUIDE_POLICY)))
  .get("/openapi.json", (c) => asset(c))
  .get("/llms.txt", (c) => asset(c))
  .get("/llms-full.txt", (c) => asset(c));

async function asset(c: AppContext, policy = PAGE_POLICY, caching = REVALIDATE): Promise<Response> {
  // Without a body, which a GET may have: nobody would read it, and wrangler's server dies of that.
  const ifNoneMatch = c.req.header("if-none-match");
  const headers = ifNoneMatch === undefined ? {} : { "if-none-match": ifNoneMatch };
  const found = await c.env.ASSETS.fetch(new Request(c.req.url, { method: c.req.method, headers }));
  if (found.status >= 400) throw new ApiError("not_found");
  const response = new Response(found.body, found);
  response.headers.set("cache-control", caching);
  response.headers.set("content-security-policy", policy);
  response.headers.set("referrer-policy", "no-referrer");
  response.headers.set("cross-origin-opener-policy", "same-origin");
  return response;
}

/** Puts the origin of this request into the page's examples. */
function withOrigin(c: AppContext, page: Response): Response {
  const { origin } = new URL(c.req.url);
  return new HTMLRewriter()
    .on("[data-origin]", { element: (element) => void element.setInnerContent(origin) })
    .transform(page);
}
