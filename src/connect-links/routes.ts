import { createMiddleware } from "hono/factory";
import { Hono } from "hono/tiny";
import { findAgent } from "../agents/store.ts";
import { checkedUrl, urlRules } from "../agents/urls.ts";
import { withApiKey, withApiKeyNoReplay } from "../api-keys/with-api-key.ts";
import type { AppContext, AppEnv } from "../http/context.ts";
import { ApiError } from "../http/errors.ts";
import { requireJson, validateJson } from "../http/json-body.ts";
import { listQuery } from "../http/page.ts";
import { validateQuery } from "../http/query.ts";
import { newId } from "../ids.ts";
import { changedOwn } from "../phone-numbers/change-settings.ts";
import { channelsJson } from "../phone-numbers/channels.ts";
import { NOTHING_OWN } from "../phone-numbers/settings.ts";
import { sha256 } from "../vault/hash.ts";
import { createLinkBody } from "./schema.ts";
import { serialiseLink } from "./serialise.ts";
import { deleteLink, findLink, insertLink, listLinks, MAX_LINKS } from "./store.ts";

/** Refuses if the operator has not allowed links. */
export const requireLinks = createMiddleware<AppEnv>(async (c, next) => {
  if (!c.get("config").connectLinks) throw new ApiError("connect_links_disabled");
  await next();
});

const LIMIT = { name: "connect_links", limit: MAX_LINKS, used: MAX_LINKS };
const TOO_MANY = "This API key has 10,000 connect links. Delete some that have ended.";

/** What the key's owner does with links. What their customers do is in page-routes.ts. */
export const connectLinks = new Hono<AppEnv>()
  .post(
    "/",
    withApiKeyNoReplay("all"),
    requireLinks,
    requireJson,
    validateJson(createLinkBody),
    async (c) => {
      const { agent_id, channels, expires_in_seconds, ...body } = c.req.valid("json");
      const { brand_name, max_numbers } = body;
      const apiKeyId = c.get("apiKeyId");
      const config = c.get("config");
      const redirect_url =
        body.redirect_url === null
          ? null
          : checkedUrl("redirect_url", body.redirect_url, "https:", urlRules(config));
      if (!(await findAgent(c.env.DB, apiKeyId, agent_id))) throw new ApiError("agent_not_found");
      const { external_id, label, metadata } = changedOwn(NOTHING_OWN, body);
      const now = Date.now();
      const link = {
        id: newId("connectLink"),
        api_key_id: apiKeyId,
        agent_id,
        channels: channels ? channelsJson(channels) : null,
        external_id,
        label,
        metadata,
        brand_name,
        redirect_url,
        max_numbers,
        created_at: new Date(now).toISOString(),
        expires_at: new Date(now + expires_in_seconds * 1000).toISOString(),
      };
      const token = newId("connectLinkToken");
      if (!(await insertLink(c.env.DB, link, await sha256(token))))
        throw new ApiError("limit_reached", { status: 403, message: TOO_MANY, details: LIMIT });
      c.get("log").info("connect_link_created", { key_id: apiKeyId, connect_link_id: link.id });
      // A browser does not send the fragment: no server's log has the token.
      const url = `${config.publicBaseUrl}/connect#${token}`;
      return c.json({ connect_link_id: link.id, url, expires_at: link.expires_at }, 201);
    },
  )
  .get("/", withApiKey("read_all"), requireLinks, validateQuery(listQuery), async (c) => {
    const page = c.req.valid("query");
    const { rows, count } = await listLinks(c.env.DB, c.get("apiKeyId"), page);
    return c.json({ connect_links: rows.map((row) => serialiseLink(row, new Date())), count, ...page });
  })
  .get("/:connect_link_id", withApiKey("read_all"), requireLinks, async (c) => {
    const link = await findLink(c.env.DB, c.get("apiKeyId"), idOf(c));
    if (!link) throw new ApiError("connect_link_not_found");
    return c.json(serialiseLink(link, new Date()));
  })
  .delete("/:connect_link_id", withApiKey("all"), requireLinks, async (c) => {
    const id = idOf(c);
    if (!(await deleteLink(c.env.DB, c.get("apiKeyId"), id))) throw new ApiError("connect_link_not_found");
    return c.json({ connect_link_id: id, deleted: true });
  });

const idOf = (c: AppContext) => c.req.param("connect_link_id") ?? "";
