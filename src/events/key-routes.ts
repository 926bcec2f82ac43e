import { Hono } from "hono/tiny";
import { knownKey, requireAdmin } from "../api-keys/authenticate.ts";
import { run } from "../database.ts";
import type { AppEnv } from "../http/context.ts";
import { requireJson, validateJson } from "../http/json-body.ts";
import { validateQuery } from "../http/query.ts";
import { requestServices } from "../services.ts";
import { deletePendingOf } from "./pending-store.ts";
import { listDeliveries } from "./routes.ts";
import { deliveriesQuery, redeliverBody } from "./schema.ts";
import { attemptLater } from "./tell.ts";

/** The deliveries of any API key, for the operator. */
export const keyDeliveries = new Hono<AppEnv>()
  .get("/:key_id/deliveries", requireAdmin({ always: true }), validateQuery(deliveriesQuery), async (c) =>
    listDeliveries(c, await knownKey(c), c.req.valid("query")),
  )
  .post(
    "/:key_id/deliveries/redeliver",
    requireAdmin({ always: true }),
    requireJson,
    validateJson(redeliverBody),
    async (c) => {
      const apiKeyId = await knownKey(c);
      const services = requestServices(c);
      const { since, until } = c.req.valid("json");
      const end = until ?? services.now().getTime();
      let redelivered = 0;
      for (const part of services.outbox.parts(apiKeyId)) {
        // What fails again at once is behind the position, so this ends.
        for (let after: number | null = 0; after !== null; ) {
          const some = await services.outbox.redeliverFailed(apiKeyId, part, since, end, after);
          attemptLater(apiKeyId, { part, works: some.works }, services);
          redelivered += some.count;
          after = some.position;
        }
      }
      services.log.info("deliveries_revived", { key_id: apiKeyId, count: redelivered });
      return c.json({ key_id: apiKeyId, redelivered });
    },
  )
  .delete("/:key_id/deliveries", requireAdmin({ always: true }), async (c) => {
    const apiKeyId = await knownKey(c);
    const services = requestServices(c);
    await run(deletePendingOf(services.db, apiKeyId));
    await services.outbox.erase(apiKeyId);
    services.log.info("deliveries_erased", { key_id: apiKeyId });
    return c.json({ key_id: apiKeyId, deleted: true });
  });
