import { type EventType, sealEvent } from "../events/event.ts";
import { tellNow } from "../events/tell.ts";
import type { Services } from "../services.ts";
import { type InboundRoute, numberOfRoute } from "./route.ts";

/**
 * Tells the customer what has happened to a number, if anybody wants to hear it.
 *
 * @param receipt what is told again under this name is the same event
 * @throws StorageError, VaultError
 */
export async function tell(
  type: EventType,
  route: InboundRoute,
  receipt: string,
  data: Record<string, unknown>,
  services: Services,
): Promise<void> {
  const { agent, apiKeyId } = route;
  if (!agent?.hasWebhook) return;
  const draft = { type, apiKeyId, agentId: agent.id, number: numberOfRoute(route), receipt, data };
  await tellNow(await sealEvent(draft, services.vault, services.now()), services);
}
