import { sealEvent } from "../events/event.ts";
import { tellNow } from "../events/tell.ts";
import { errorFields } from "../http/log.ts";
import type { Services } from "../services.ts";
import type { Allowance } from "./allowance.ts";
import { findAgentsToTell } from "./numbers-store.ts";

/** Tells a customer that a daily limit is near, at each of the key's webhook_urls once a day. Never throws. */
export async function tellNear(apiKeyId: string, allowance: Allowance, services: Services): Promise<void> {
  const { db, log, vault, now } = services;
  log.info("limit_near", { key_id: apiKeyId, ...allowance });
  try {
    for (const agentId of await findAgentsToTell(db, apiKeyId)) {
      const receipt = `${agentId}/limit.near/${allowance.name}/${allowance.resets_at}`;
      const about = { apiKeyId, agentId, number: null, receipt, data: allowance };
      await tellNow(await sealEvent({ type: "limit.near", ...about }, vault, now()), services);
    }
  } catch (error) {
    log.warn("limit_near_not_told", { key_id: apiKeyId, ...errorFields(error) });
  }
}
