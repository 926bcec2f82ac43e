import { type EventType, sealEvent } from "../events/event.ts";
import type { BaseServices } from "../http/base-services.ts";
import { findAgentsToTell } from "./check-store.ts";
import type { AccountKey } from "./row.ts";

const MAX_AGENTS_TOLD = 50;

/**
 * Events about an account, one for each agent that answers numbers of it.
 *
 * @param once what happens again under this name is the same event
 */
export async function accountEvents(
  type: EventType,
  account: AccountKey,
  facts: Record<string, unknown>,
  { db, vault, now }: Pick<BaseServices, "db" | "vault" | "now">,
  once?: string,
) {
  const { apiKeyId, accountSid } = account;
  const agents = await findAgentsToTell(db, account, MAX_AGENTS_TOLD);
  const data = { twilio_sid: accountSid, ...facts };
  return Promise.all(
    agents.map((agentId) => {
      const receipt = once && `${agentId}/${account.id}/${type}/${once}`;
      const about = { apiKeyId, agentId, number: null, data };
      return sealEvent({ type, ...about, ...(receipt && { receipt }) }, vault, now());
    }),
  );
}
