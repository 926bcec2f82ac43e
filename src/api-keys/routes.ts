import { Hono } from "hono/tiny";
import type { AppContext, AppEnv } from "../http/context.ts";
import { ApiError } from "../http/errors.ts";
import { optionalJson, requireJson, validateJson } from "../http/json-body.ts";
import { listQuery } from "../http/page.ts";
import { validateQuery } from "../http/query.ts";
import { isId } from "../ids.ts";
import { limitsOf } from "../limits.ts";
import { partsIn } from "../parts.ts";
import { requestServices } from "../services.ts";
import { createApiKey } from "./api-key.ts";
import { requireAdmin, requireAdminToken } from "./authenticate.ts";
import { limitCreation, signupLimits } from "./creation-limit.ts";
import { grow } from "./grow.ts";
import { changeKeyBody, createKeyBody } from "./schema.ts";
import { SHOWN_ONCE } from "./secret-routes.ts";
import {
  changeLimits,
  findApiKey,
  insertApiKey,
  type ListedApiKey,
  listApiKeys,
  revokeApiKey,
} from "./store.ts";

export const apiKeys = new Hono<AppEnv>()
  .post("/", requireAdmin(), limitCreation, optionalJson, validateJson(createKeyBody), async (c) => {
    const { name, limits } = c.req.valid("json");
    if (limits) await requireAdminToken(c);
    const { keyId, keySecret, row } = await createApiKey(name, new Date());
    await insertApiKey(c.env.DB, row, c.get("config").jurisdiction ?? "", limits ?? (await signupLimits(c)));
    c.get("log").info("api_key_created", { key_id: keyId });
    const message = `API key created. ${SHOWN_ONCE}`;
    return c.json({ message, key_id: keyId, key_secret: keySecret }, 201);
  })
  .get("/", requireAdmin({ always: true }), validateQuery(listQuery), async (c) => {
    const page = c.req.valid("query");
    const { rows, count } = await listApiKeys(c.env.DB, page);
    return c.json({ keys: rows.map((row) => serialise(row, c)), count, ...page });
  })
  .patch("/:key_id", requireAdmin({ always: true }), requireJson, validateJson(changeKeyBody), async (c) => {
    const keyId = c.req.param("key_id");
    const { limits = {}, parts } = c.req.valid("json");
    const isThere = isId("apiKey", keyId) && (await changeLimits(c.env.DB, keyId, limits));
    const row = isThere ? await findApiKey(c.env.DB, keyId) : null;
    if (!row) throw new ApiError("key_not_found");
    const services = requestServices(c);
    const grown = (await grow(row, parts, services)) ? await findApiKey(c.env.DB, keyId) : null;
    services.routesChanged(keyId);
    c.get("log").info("key_changed", { key_id: keyId, limits: Object.keys(limits).join(" "), ...parts });
    return c.json(serialise(grown ?? row, c));
  })
  .delete("/:key_id", requireAdmin({ always: true }), async (c) => {
    const keyId = c.req.param("key_id");
    const isThere = isId("apiKey", keyId) && (await revokeApiKey(c.env.DB, keyId, new Date().toISOString()));
    if (!isThere) throw new ApiError("key_not_found");
    c.get("log").info("api_key_revoked", { key_id: keyId });
    return c.json({ key_id: keyId, revoked: true });
  });

function serialise({ id, limits, countries, ...key }: ListedApiKey, c: AppContext) {
  return {
    key_id: id,
    ...key,
    call_log_parts: partsIn(key.call_log_parts),
    outbox_parts: partsIn(key.outbox_parts),
    limits: limitsOf({ limits, countries }, c.get("config").defaultLimits),
  };
}
