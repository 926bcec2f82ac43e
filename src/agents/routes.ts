import { Hono } from "hono/tiny";
import { ownerOf } from "../api-keys/permission.ts";
import { withApiKey } from "../api-keys/with-api-key.ts";
import { nearEvent } from "../events/near.ts";
import { relay } from "../events/tell.ts";
import type { AppContext, AppEnv } from "../http/context.ts";
import { ApiError } from "../http/errors.ts";
import { requireJson, validateJson } from "../http/json-body.ts";
import { listQuery } from "../http/page.ts";
import { validateQuery } from "../http/query.ts";
import { isId } from "../ids.ts";
import type { Limits } from "../limits.ts";
import { findLimits, findRoom } from "../limits-store.ts";
import { requestServices } from "../services.ts";
import { changedAgent, newAgent, serialise } from "./agent.ts";
import { createAgentBody, deleteAgentQuery, type UpdateAgentBody, updateAgentBody } from "./schema.ts";
import { type AgentRow, deleteAgent, findOwnAgent, insertAgent, listAgents, updateAgent } from "./store.ts";
import { type Urls, withCheckedUrls } from "./urls.ts";
import { warningsOfWritten, withOwnWarnings } from "./warnings.ts";

const withUrls = <Fields extends Urls>(fields: Fields, c: AppContext) =>
  withCheckedUrls(fields, c.get("config"));

const planChange = async (fields: UpdateAgentBody, c: AppContext) => {
  await ownAgent(c);
  return withUrls(fields, c);
};

export const agents = new Hono<AppEnv>()
  .post("/", withApiKey("all"), requireJson, validateJson(createAgentBody, withUrls), async (c) => {
    const fields = withUrls(c.req.valid("json"), c);
    const agent = newAgent(fields, c.get("apiKeyId"), new Date());
    checkSize(agent);
    const services = requestServices(c);
    const { db, defaultLimits } = services;
    const { max_agents: max } = defaultLimits;
    const room = await findRoom(db, agent.api_key_id, "max_agents", max);
    const near = await nearEvent(agent.api_key_id, "max_agents", room, services);
    const { isStored, hasEvent } = await insertAgent(db, agent, max, near);
    const details = { name: "max_agents", limit: room.limit, used: room.limit };
    if (!isStored) throw new ApiError("limit_reached", { status: 403, details });
    if (hasEvent) services.defer(relay(agent.api_key_id, services));
    return c.json(await answered(agent, c), 201);
  })
  .get("/", withApiKey("read"), validateQuery(listQuery), async (c) => {
    const page = c.req.valid("query");
    const { rows, count } = await listAgents(c.env.DB, ownerOf(c), page);
    return c.json({ agents: rows.map((row) => shown(row, c)), count, ...page });
  })
  .get("/:agent_id", withApiKey("read"), async (c) => c.json(shown(await ownAgent(c), c)))
  .on(
    ["PUT", "PATCH"],
    "/:agent_id",
    withApiKey("all"),
    requireJson,
    validateJson(updateAgentBody, planChange),
    async (c) => {
      const changes = withUrls(c.req.valid("json"), c);
      // If another request changed the agent in between, read it again and apply these changes too: both count.
      for (;;) {
        const before = await ownAgent(c);
        const agent = changedAgent(before, changes, new Date());
        checkSize(agent);
        if (!(await updateAgent(c.env.DB, agent, before.updated_at))) continue;
        requestServices(c).routesChanged(c.get("apiKeyId"));
        return c.json(await answered(agent, c));
      }
    },
  )
  .delete("/:agent_id", withApiKey("all"), validateQuery(deleteAgentQuery), async (c) => {
    const force = c.req.valid("query").force === "true";
    const agentId = c.req.param("agent_id");
    const options = { force, now: new Date().toISOString() };
    const result = isId("agent", agentId)
      ? await deleteAgent(c.env.DB, c.get("apiKeyId"), agentId, options)
      : ({ outcome: "absent" } as const);
    if (result.outcome === "absent") throw new ApiError("agent_not_found");
    if (result.outcome === "in_use") throw new ApiError("agent_in_use", { details: { count: result.count } });
    requestServices(c).routesChanged(c.get("apiKeyId"));
    return c.json({ agent_id: agentId, deleted: true });
  });

/** @throws ApiError `agent_not_found` */
async function ownAgent(c: AppContext): Promise<AgentRow> {
  const agentId = c.req.param("agent_id") ?? "";
  const row = isId("agent", agentId) ? await findOwnAgent(c.env.DB, ownerOf(c), agentId) : null;
  if (!row) throw new ApiError("agent_not_found");
  return row;
}

/** An agent serves other customers too: whoever sees only his own numbers sees who answers them, and not how. */
const shown = (row: AgentRow, c: AppContext) =>
  ownerOf(c).externalId === null ? serialise(row) : { agent_id: row.id, name: row.name };

// A key may write so much to a database that all keys share: docs/platform.md.
const MAX_BYTES = 56 * 1024;

/** @throws ApiError `payload_too_large` */
function checkSize(agent: AgentRow): void {
  if (new TextEncoder().encode(JSON.stringify(agent)).byteLength > MAX_BYTES)
    throw new ApiError("payload_too_large", {
      message: "An agent may have 56 KiB in all. Shorten its texts.",
    });
}

async function answered(row: AgentRow, c: AppContext) {
  const agent = serialise(row);
  return withOwnWarnings(agent, await warningsOfWritten(agent, () => limitsIn(c)));
}

function limitsIn(c: AppContext): Promise<Limits> {
  const { db, defaultLimits } = requestServices(c);
  return findLimits(db, c.get("apiKeyId"), defaultLimits);
}
