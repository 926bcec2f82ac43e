import { sealEvent } from "../events/event.ts";
import { tellNow } from "../events/tell.ts";
import { errorFields } from "../http/log.ts";
import type { Services } from "../services.ts";
import type { Allowance } from "./allowance.ts";

/** Tells a customer that a daily limit is near, once a day. Never throws. */
export async function tellNear(apiKeyId: string, allowance: Allowance, services: Services): Promise<void> {
  const { log, vault, now } = services;
  log.info("limit_near", { key_id: apiKeyId, ...allowance });
  try {
    const receipt = `${apiKeyId}/limit.near/${allowance.name}/${allowance.resets_at}`;
    const about = { apiKeyId, agentId: null, number: null, receipt, data: allowance };
    const event = await sealEvent({ type: "limit.near", ...about }, vault, now());
    await tellNow(event, services, "told_by_call_log");
  } catch (error) {
    log.warn("limit_near_not_told", { key_id: apiKeyId, ...errorFields(error) });
  }
}
