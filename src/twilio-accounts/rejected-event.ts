import { sealEvent } from "../events/event.ts";
import type { BaseServices } from "../http/base-services.ts";
import { findAgentsToTell } from "./check-store.ts";
import type { AccountKey } from "./row.ts";

const MAX_AGENTS_TOLD = 50;

/** `credentials.rejected` events, one for each agent that answers numbers of the account. */
export async function rejectionEvents(
  account: AccountKey,
  noticedBy: "twilio_refused" | "signatures",
  { db, vault, now }: BaseServices,
) {
  const { apiKeyId, accountSid } = account;
  const agents = await findAgentsToTell(db, account, MAX_AGENTS_TOLD);
  const data = { twilio_sid: accountSid, noticed_by: noticedBy };
  return Promise.all(
    agents.map((agentId) =>
      sealEvent({ type: "credentials.rejected", apiKeyId, agentId, data }, vault, now()),
    ),
  );
}
