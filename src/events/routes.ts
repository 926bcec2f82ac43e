import { Hono } from "hono/tiny";
import { findAgent } from "../agents/store.ts";
import { checkedUrl, urlRules } from "../agents/urls.ts";
import { externalIdFor, ownerOf } from "../api-keys/permission.ts";
import { noteObjects } from "../api-keys/store.ts";
import { withApiKey, withApiKeyNoReplay } from "../api-keys/with-api-key.ts";
import { batch } from "../database.ts";
import type { AppContext, AppEnv } from "../http/context.ts";
import { ApiError } from "../http/errors.ts";
import { requireJson, validateJson } from "../http/json-body.ts";
import { errorFields } from "../http/log.ts";
import { validateQuery } from "../http/query.ts";
import { isId } from "../ids.ts";
import { requestServices, type Services } from "../services.ts";
import { findOwnUrl, putOwnUrl } from "./address-store.ts";
import { openPayload, type SealedEvent, sealEvent } from "./event.ts";
import type { Delivery } from "./outbox/delivery-store.ts";
import { type DeliveriesQuery, deliveriesQuery, testBody, urlBody } from "./schema.ts";
import { rotateSecret } from "./secret.ts";
import { standardSecret } from "./signature.ts";
import { attemptLater, deliver } from "./tell.ts";

/** The endpoints for a customer's events: signing secret, test event, deliveries. */
export const webhooks = new Hono<AppEnv>()
  .post("/secret", withApiKeyNoReplay("all"), async (c) => {
    const services = requestServices(c);
    const apiKeyId = c.get("apiKeyId");
    const { secret, previousValidUntil } = await rotateSecret(apiKeyId, services);
    services.log.info("webhook_secret_rotated");
    // A route may hold what signs the question that is asked before a call.
    services.routesChanged(apiKeyId);
    await tellOutbox(apiKeyId, services);
    return c.json(
      {
        message:
          "Save the webhook_secret now: it cannot be shown again. The old secret, if any, also signs until " +
          "previous_valid_until.",
        webhook_secret: secret,
        standard_webhooks_secret: standardSecret(secret),
        previous_valid_until: previousValidUntil.toISOString(),
      },
      201,
    );
  })
  .get("/url", withApiKey("read_all"), async (c) =>
    c.json({ url: await findOwnUrl(c.env.DB, c.get("apiKeyId")) }),
  )
  .put("/url", withApiKey("all"), requireJson, validateJson(urlBody, withCheckedUrl), async (c) => {
    const services = requestServices(c);
    const apiKeyId = c.get("apiKeyId");
    const { url } = withCheckedUrl(c.req.valid("json"), c);
    await putOwnUrl(services.db, apiKeyId, url);
    services.routesChanged(apiKeyId);
    await tellOutbox(apiKeyId, services);
    return c.json({ url });
  })
  .post("/test", withApiKey("all"), requireJson, validateJson(testBody, toWebhook), async (c) => {
    const services = requestServices(c);
    const apiKeyId = c.get("apiKeyId");
    const { agent_id: agentId } = await toWebhook(c.req.valid("json"), c);
    const draft = { type: "webhook.test", apiKeyId, agentId, number: null, data: {} } as const;
    const event = await sealEvent(draft, services.vault, services.now());
    await batch(services.db, [noteObjects(services.db, apiKeyId)], { isIdempotent: true });
    await deliver(apiKeyId, [event], services, true);
    return c.json({ delivery: begun(event) }, 201);
  })
  .get("/deliveries", withApiKey("read"), validateQuery(deliveriesQuery), (c) => {
    const { external_id, ...query } = c.req.valid("query");
    const external = externalIdFor(c, external_id);
    return listDeliveries(c, c.get("apiKeyId"), { ...query, external_id: external });
  })
  .get("/deliveries/:id", withApiKey("read"), async (c) => {
    const { outbox, vault } = requestServices(c);
    const id = c.req.param("id");
    const found = isId("event", id) ? await outbox.find(ownerOf(c), id) : undefined;
    if (!found) throw new ApiError("delivery_not_found");
    const { payload_sealed: sealed, ...delivery } = found;
    const payload = sealed === undefined ? null : JSON.parse(await openPayload(vault, id, sealed));
    return c.json({ delivery, payload });
  })
  .post("/deliveries/:id/redeliver", withApiKey("all"), async (c) => {
    const services = requestServices(c);
    const id = c.req.param("id");
    const apiKeyId = c.get("apiKeyId");
    const revived = isId("event", id) ? await services.outbox.redeliver(apiKeyId, id) : undefined;
    if (!revived?.delivery) throw new ApiError("delivery_not_found");
    attemptLater(apiKeyId, revived, services);
    return c.json({ delivery: revived.delivery });
  });

/** If the outbox does not hear that URL or secret have changed, it finds out within half a minute. */
async function tellOutbox(apiKeyId: string, { outbox, log }: Services): Promise<void> {
  await outbox.endpointsChanged(apiKeyId).catch((error: unknown) => {
    log.warn("outbox_not_told", errorFields(error));
  });
}

/** @throws ApiError `invalid_url` */
function withCheckedUrl({ url }: { url: string | null }, c: AppContext) {
  return { url: url && checkedUrl("url", url, "https:", urlRules(c.get("config"))) };
}

/** @throws ApiError `agent_not_found`, `agent_has_no_webhook` */
async function toWebhook({ agent_id = null }: { agent_id?: string | null | undefined }, c: AppContext) {
  const apiKeyId = c.get("apiKeyId");
  const agent = agent_id === null ? undefined : await findAgent(c.env.DB, apiKeyId, agent_id);
  if (agent === null) throw new ApiError("agent_not_found");
  const webhookUrl = agent?.webhook_url ?? (await findOwnUrl(c.env.DB, apiKeyId));
  if (webhookUrl === null) throw new ApiError("agent_has_no_webhook");
  return { agent_id, webhook_url: webhookUrl };
}

/** A page of an API key's deliveries. */
export async function listDeliveries(
  c: AppContext,
  apiKeyId: string,
  { state, event, external_id: externalId, ...page }: DeliveriesQuery,
): Promise<Response> {
  const filter = { state, event, externalId };
  const { deliveries, count } = await requestServices(c).outbox.list(apiKeyId, filter, page);
  return c.json({ deliveries, count, ...page });
}

/** A delivery before its first attempt. */
function begun({ id, type, agentId, externalId, createdAt }: SealedEvent): Delivery {
  return {
    id,
    event: type,
    agent_id: agentId || null,
    external_id: externalId,
    actor: null,
    state: "pending",
    next_attempt_at: createdAt,
    created_at: createdAt,
    updated_at: createdAt,
    attempts: [],
  };
}
