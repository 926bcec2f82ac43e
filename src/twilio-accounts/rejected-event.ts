import { sealEvent } from "../events/event.ts";
import type { EventServices } from "../events/outbox.ts";
import { type AccountKey, findAgentsToTell } from "../reconciliation/store.ts";

const MAX_AGENTS_TOLD = 50;

/** `credentials.rejected`, one event for each agent that answers numbers of the account. */
export async function rejectionEvents(
  key: AccountKey,
  noticedBy: "twilio_refused" | "signatures",
  { db, vault, now }: EventServices,
) {
  const { apiKeyId, accountSid } = key;
  const agents = await findAgentsToTell(db, key, MAX_AGENTS_TOLD);
  const data = { twilio_sid: accountSid, noticed_by: noticedBy };
  return Promise.all(
    agents.map((agentId) =>
      sealEvent({ type: "credentials.rejected", apiKeyId, agentId, data }, vault, now()),
    ),
  );
}
