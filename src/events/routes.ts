import { Hono } from "hono/tiny";
import { findAgent } from "../agents/store.ts";
import { withApiKey, withApiKeyNoReplay } from "../api-keys/with-api-key.ts";
import { batch } from "../database.ts";
import type { AppEnv } from "../http/context.ts";
import { ApiError } from "../http/errors.ts";
import { requireJson, validateJson } from "../http/json-body.ts";
import { oneOf, pageOf } from "../http/page.ts";
import { isId } from "../ids.ts";
import { requestServices } from "../services.ts";
import { sealEvent } from "./event.ts";
import { announce } from "./outbox.ts";
import { testBody } from "./schema.ts";
import { rotateSecret } from "./secret.ts";
import {
  DELIVERY_STATES,
  type DeliveryRow,
  findDelivery,
  insertEvent,
  listDeliveries,
  reviveEvent,
} from "./store.ts";

/** The endpoints for a customer's events: signing secret, test event, deliveries. */
export const webhooks = new Hono<AppEnv>()
  .post("/secret", withApiKeyNoReplay, async (c) => {
    const { secret, previousValidUntil } = await rotateSecret(c.get("apiKeyId"), requestServices(c));
    c.get("log").info("webhook_secret_rotated");
    return c.json(
      {
        message:
          "Save the webhook_secret now: it cannot be shown again. The old secret, if any, also signs until " +
          "previous_valid_until.",
        webhook_secret: secret,
        previous_valid_until: previousValidUntil.toISOString(),
      },
      201,
    );
  })
  .post("/test", withApiKey, requireJson, validateJson(testBody), async (c) => {
    const services = requestServices(c);
    const apiKeyId = c.get("apiKeyId");
    const agentId = c.req.valid("json").agent_id;
    const agent = await findAgent(c.env.DB, apiKeyId, agentId);
    if (!agent) throw new ApiError("agent_not_found");
    if (agent.webhook_url === null) throw new ApiError("agent_has_no_webhook");
    const draft = { type: "webhook.test", apiKeyId, agentId, data: {} } as const;
    const event = await sealEvent(draft, services.vault, services.now());
    await batch(c.env.DB, [insertEvent(c.env.DB, event)]);
    c.executionCtx.waitUntil(announce(event.id, services));
    return c.json({ delivery: serialise(await delivery(c.env.DB, apiKeyId, event.id)) }, 201);
  })
  .get("/deliveries", withApiKey, async (c) => {
    const page = pageOf(c);
    const state = oneOf(c, "state", DELIVERY_STATES);
    const { rows, count } = await listDeliveries(c.env.DB, { apiKeyId: c.get("apiKeyId"), state, ...page });
    return c.json({ deliveries: rows.map(serialise), count, ...page });
  })
  .post("/deliveries/:id/redeliver", withApiKey, async (c) => {
    const services = requestServices(c);
    const id = c.req.param("id");
    const apiKeyId = c.get("apiKeyId");
    const isThere =
      isId("event", id) && (await reviveEvent(c.env.DB, apiKeyId, id, services.now().toISOString()));
    if (!isThere) throw new ApiError("delivery_not_found");
    c.executionCtx.waitUntil(announce(id, services));
    return c.json({ delivery: serialise(await delivery(c.env.DB, apiKeyId, id)) });
  });

async function delivery(db: D1Database, apiKeyId: string, id: string): Promise<DeliveryRow> {
  const row = await findDelivery(db, apiKeyId, id);
  if (!row) throw new ApiError("delivery_not_found");
  return row;
}

function serialise({ id, type, attempts, ...row }: DeliveryRow) {
  return { id, event: type, ...row, attempts: JSON.parse(attempts) };
}
