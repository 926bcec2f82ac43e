import { Hono } from "hono";
import { authenticate } from "../api-keys/authenticate.ts";
import type { Config } from "../config.ts";
import type { AppEnv } from "../http/context.ts";
import { ApiError } from "../http/errors.ts";
import { requireJson, validateJson } from "../http/json-body.ts";
import { isPublicUrl } from "../http/public-url.ts";
import { newId } from "../ids.ts";
import { type CreateAgentBody, createAgentBody } from "./schema.ts";
import { type AgentRow, insertAgent } from "./store.ts";

export const agents = new Hono<AppEnv>().post(
  "/",
  authenticate,
  requireJson,
  validateJson(createAgentBody),
  async (c) => {
    const fields = c.req.valid("json");
    checkUrls(fields, c.get("config"));
    const agent = newAgent(fields, c.get("apiKeyId"), new Date());
    await insertAgent(c.env.DB, agent);
    return c.json(serialise(agent), 201);
  },
);

/** @throws ApiError `invalid_url` */
function checkUrls(
  { webhook_url, connect }: Pick<CreateAgentBody, "webhook_url" | "connect">,
  { publicBaseUrl: ownUrl, allowLocalWebhooks }: Config,
): void {
  const invalid = (field: string) => new ApiError("invalid_url", { details: { fields: [field] } });
  const rules = { protocol: "https:", ownUrl, allowLocal: allowLocalWebhooks } as const;
  if (webhook_url !== null && !isPublicUrl(webhook_url, rules)) throw invalid("webhook_url");
  if (connect?.type === "redirect" && !isPublicUrl(connect.url, { protocol: "https:", ownUrl }))
    throw invalid("connect.url");
}

function newAgent(
  { connect, fallback, record, is_active, ...fields }: CreateAgentBody,
  apiKeyId: string,
  now: Date,
): AgentRow {
  const time = now.toISOString();
  return {
    ...fields,
    id: newId("agent"),
    api_key_id: apiKeyId,
    is_active: is_active ? 1 : 0,
    connect: connect && JSON.stringify(connect),
    fallback: fallback && JSON.stringify(fallback),
    record: record ? 1 : 0,
    created_at: time,
    updated_at: time,
  };
}

function serialise({ id, api_key_id: _, is_active, connect, fallback, record, ...fields }: AgentRow) {
  return {
    agent_id: id,
    ...fields,
    is_active: is_active === 1,
    connect: connect && JSON.parse(connect),
    fallback: fallback && JSON.parse(fallback),
    record: record === 1,
  };
}
