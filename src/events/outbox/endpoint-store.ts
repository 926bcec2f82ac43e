import { all, StorageError, sql } from "../../database.ts";
import { errorFields } from "../../http/log.ts";
import { isPublicUrl } from "../../public-url.ts";
import type { Services } from "../../services.ts";
import { FRESH_MS, STALE_MS } from "../../time.ts";
import { WEBHOOK_URL } from "../address-store.ts";
import type { DeliveryError } from "../delivery.ts";

/** Where an agent's events go, and what signs them, in one trip. */
type EndpointRow = {
  agent_id: string;
  webhook_url: string | null;
  secret_sealed: string | null;
  previous_secret_sealed: string | null;
};

/** Where an agent's events go; `refusal` if they cannot go anywhere. */
export type Endpoint = {
  url: string;
  refusal?: DeliveryError;
  secretSealed: string | null;
  previousSecretSealed: string | null;
};

/** The endpoints that an outbox knows, in memory. */
export type Endpoints = {
  /** Reads what is not known or no longer fresh. If D1 does not answer, what was known goes on serving. */
  load: (agentIds: readonly string[]) => Promise<void>;
  of: (agentId: string) => Endpoint | undefined;
  clear: () => void;
};

export function createEndpoints(apiKeyId: string, services: Services): Endpoints {
  const { db, now, log, delivery, ownAddresses } = services;
  const known = new Map<string, { endpoint: Endpoint; readAt: number }>();
  const isKnownFor = (ms: number, agentId: string) => {
    const entry = known.get(agentId);
    return entry !== undefined && now().getTime() - entry.readAt < ms;
  };

  return {
    async load(agentIds) {
      // A key gets its first secret with its first attempt; until then there is nothing to keep.
      const missing = agentIds.filter(
        (agentId) => !isKnownFor(FRESH_MS, agentId) || !known.get(agentId)?.endpoint.secretSealed,
      );
      if (missing.length === 0) return;
      try {
        const rows = new Map((await findEndpoints(db, apiKeyId, missing)).map((row) => [row.agent_id, row]));
        const readAt = now().getTime();
        for (const agentId of missing)
          known.set(agentId, { endpoint: endpointOf(rows.get(agentId)), readAt });
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        log.warn("endpoints_not_read", { count: missing.length, ...errorFields(error) });
      }
    },
    of: (agentId) => (isKnownFor(STALE_MS, agentId) ? known.get(agentId)?.endpoint : undefined),
    clear: () => known.clear(),
  };

  function endpointOf(row: EndpointRow | undefined): Endpoint {
    const url = row?.webhook_url ?? null;
    const sealed = {
      secretSealed: row?.secret_sealed ?? null,
      previousSecretSealed: row?.previous_secret_sealed ?? null,
    };
    if (url === null) return { url: "", refusal: "no_webhook_url", ...sealed };
    // It was checked when it was set; this deployment's address and its rules may have changed since.
    const isSafe = isPublicUrl(url, {
      protocol: "https:",
      ownUrls: ownAddresses,
      allowLocal: delivery.allowLocal,
    });
    return { url, ...sealed, ...(!isSafe && { refusal: "unsafe_webhook_url" as const }) };
  }
}

/** Of agents that are there or not, and of "", the key itself. @throws StorageError */
async function findEndpoints(
  db: D1Database,
  apiKeyId: string,
  agentIds: readonly string[],
): Promise<EndpointRow[]> {
  const statement = sql(db)`SELECT w.value AS agent_id, ${WEBHOOK_URL} AS webhook_url, s.secret_sealed,
      s.previous_secret_sealed
    FROM json_each(${JSON.stringify(agentIds)}) w JOIN api_keys k ON k.id = ${apiKeyId}
    LEFT JOIN agents a ON a.id = w.value AND a.api_key_id = k.id
    LEFT JOIN webhook_secrets s ON s.api_key_id = k.id`;
  return all<EndpointRow>(statement);
}
