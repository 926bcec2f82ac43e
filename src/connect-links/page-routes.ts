import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { Hono } from "hono/tiny";
import { bearer } from "../api-keys/authenticate.ts";
import { blockOf } from "../api-keys/creation-limit.ts";
import type { AppContext, AppEnv } from "../http/context.ts";
import { isDryRun } from "../http/dry-run.ts";
import { ApiError } from "../http/errors.ts";
import { requireJson, validateJson } from "../http/json-body.ts";
import { dryRunQuery, validateQuery } from "../http/query.ts";
import { limit } from "../http/rate-limit.ts";
import { isId } from "../ids.ts";
import { listAvailable } from "../phone-numbers/preview/available.ts";
import { previewImport } from "../phone-numbers/preview/preview.ts";
import { toTheEnd } from "../phone-numbers/request.ts";
import { requestServices } from "../services.ts";
import { admitCredentials } from "../twilio-accounts/routes.ts";
import { connectBody, missingCredential } from "../twilio-accounts/schema.ts";
import { serialiseAccount } from "../twilio-accounts/serialise.ts";
import { sha256 } from "../vault/hash.ts";
import { asSeenBy, knowCustomer } from "./customer.ts";
import {
  accountOfLink,
  closed,
  connectByLink,
  findAccountOfLink,
  importByLink,
  importOf,
  statusOf,
} from "./link.ts";
import { requireLinks } from "./routes.ts";
import { linkNumberBody, linkNumbersQuery } from "./schema.ts";
import { serialiseForCustomer } from "./serialise.ts";
import { findLink, findLinkByToken, type LinkRow } from "./store.ts";

type LinkContext = Context<AppEnv & { Variables: { link: LinkRow } }>;

/** The link that `withLink` has set. */
const linkOf = (c: AppContext): LinkRow => (c as unknown as LinkContext).get("link");

/**
 * Accepts whoever has a link: `Authorization: Bearer` and the token of its URL. That opens these endpoints and no other.
 * Sets `apiKeyId`, `actor`, and what `linkOf` has.
 */
const withLink = createMiddleware<AppEnv>(async (c, next) => {
  const limiter = c.req.method === "GET" ? c.env.READ_LIMIT : c.env.WRITE_LIMIT;
  await limit(c, limiter, `connect ${blockOf(c.req.header("cf-connecting-ip") ?? "")}`);
  const token = bearer(c.req.header("authorization")) ?? "";
  c.get("log").conceal(token);
  const link = isId("connectLinkToken", token) ? await findLinkByToken(c.env.DB, await sha256(token)) : null;
  if (!link) throw new ApiError("invalid_connect_link");
  c.set("apiKeyId", link.api_key_id);
  c.set("actor", { kind: "link", name: link.id });
  (c as unknown as LinkContext).set("link", await asSeenBy(c, link));
  await next();
});

/** @throws ApiError 410 */
function requireOpen(link: LinkRow): void {
  if (statusOf(link, new Date()) !== "open") throw closed(link, new Date());
}

/** What its customer sees of a link. */
async function forCustomer(link: LinkRow, c: AppContext) {
  const services = requestServices(c);
  const account = await findAccountOfLink(link, services);
  const shown = account ? serialiseAccount(account, services) : null;
  return serialiseForCustomer(link, shown, c.get("config").allowApiKeys, services.now());
}

/** What a link's customer does on the page /connect. */
export const connectPage = new Hono<AppEnv>()
  .use(requireLinks, withLink)
  .get("/", async (c) => {
    const link = linkOf(c);
    const now = new Date();
    // Until a used link would have expired, its customer sees what he has done.
    if (link.locked_at !== null || link.expires_at <= now.toISOString()) throw closed(link, now);
    return c.json(await forCustomer(link, c));
  })
  .post(
    "/twilio-account",
    requireJson,
    validateJson(connectBody, undefined, missingCredential),
    async (c) => {
      const body = c.req.valid("json");
      admitCredentials(body, c);
      const services = requestServices(c);
      const link = linkOf(c);
      const account = await toTheEnd(c, connectByLink(link, body, services));
      await knowCustomer(c, link, account.id);
      return c.json({ twilio_account: serialiseAccount(account, services) });
    },
  )
  .get("/available-numbers", validateQuery(linkNumbersQuery), async (c) => {
    const link = linkOf(c);
    requireOpen(link);
    const services = requestServices(c);
    const page = { ...c.req.valid("query"), include_subaccounts: undefined };
    const account = await accountOfLink(link, services);
    return c.json(await listAvailable(account, page, link.api_key_id, services, true));
  })
  .post(
    "/phone-numbers",
    validateQuery(dryRunQuery),
    requireJson,
    validateJson(linkNumberBody),
    async (c) => {
      const link = linkOf(c);
      const { dry_run, ...given } = c.req.valid("json");
      const services = requestServices(c);
      if (isDryRun(c, dry_run)) {
        requireOpen(link);
        const body = await importOf(link, given, services);
        return c.json(await previewImport(body, link.api_key_id, services, true));
      }
      await toTheEnd(c, importByLink(link, given, services));
      // The number has come; a link that was deleted meanwhile brings no more.
      const after = await findLink(c.env.DB, link.api_key_id, link.id);
      const shown = after
        ? await asSeenBy(c, after)
        : { ...link, completed_at: services.now().toISOString() };
      return c.json(await forCustomer(shown, c), 201);
    },
  );
