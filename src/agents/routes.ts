import { Hono } from "hono";
import { authenticate } from "../api-keys/authenticate.ts";
import type { AppEnv } from "../http/context.ts";
import { requireJson, validateJson } from "../http/json-body.ts";
import { newId } from "../ids.ts";
import { type CreateAgentBody, createAgentBody } from "./schema.ts";
import { type AgentRow, insertAgent } from "./store.ts";

export const agents = new Hono<AppEnv>().post(
  "/",
  authenticate,
  requireJson,
  validateJson(createAgentBody),
  async (c) => {
    const agent = newAgent(c.req.valid("json"), c.get("apiKeyId"), new Date());
    await insertAgent(c.env.DB, agent);
    return c.json(serialise(agent), 201);
  },
);

function newAgent(fields: CreateAgentBody, apiKeyId: string, now: Date): AgentRow {
  const time = now.toISOString();
  return {
    ...fields,
    id: newId("agent"),
    api_key_id: apiKeyId,
    is_active: fields.is_active ? 1 : 0,
    created_at: time,
    updated_at: time,
  };
}

function serialise({ id, api_key_id: _, is_active, ...fields }: AgentRow) {
  return { agent_id: id, ...fields, is_active: is_active === 1 };
}
