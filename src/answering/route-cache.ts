import type { Connect, Fallback } from "../agents/connect.ts";
import type { Logger } from "../http/log.ts";
import { verificationKey } from "../twilio/signature.ts";
import { type Vault, VaultError } from "../vault/vault.ts";
import { openTokens } from "../twilio-accounts/auth-token.ts";
import { findInboundRow, type InboundRow } from "./route-store.ts";

/** The agent behind a number, as far as calls and texts need it. */
export type InboundAgent = {
  id: string;
  isActive: boolean;
  welcomeMessage: string | null;
  language: string;
  connect: Connect | null;
  fallback: Fallback | null;
  record: boolean;
  hasWebhook: boolean;
};

/** Where the calls and texts of a number go. */
export type InboundRoute = {
  phoneNumberId: string;
  phoneNumber: string;
  apiKeyId: string;
  accountSid: string;
  inboundEnabled: boolean;
  /** The last sign of life that is known to be written down, as this isolate knows it. */
  lastInboundAt: string | null;
  /** When the account's token was last replaced. */
  tokenChangedAt: string | null;
  /** null: imported, but routed to no agent. */
  agent: InboundAgent | null;
};

/** A route, and the keys that may have signed what Twilio says about it, the likeliest first. */
export type TrustedRoute = InboundRoute & { keys: CryptoKey[] };

export type RouteServices = {
  db: D1Database;
  vault: Vault;
  log: Logger;
  now: () => Date;
  /** Told of each request that is not signed with a key of the route it names. */
  refused: (route: InboundRoute) => void;
};

// A caller waits for this, so what was looked up is good for a while: long enough for a busy number to cost nothing,
// short enough that a change made through another isolate is soon in force.
const FRESH_MS = 30_000;
// Older than that it is still better than nothing, where D1 is down and a caller is on the line.
const STALE_MS = 24 * 60 * 60 * 1000;
const MAX_ROUTES = 1_000;

type Entry = { route: TrustedRoute; loadedAt: number };

// In order of use: the first is the one not used for the longest.
const cache = new Map<string, Entry>();
// Grows with every change made by this isolate: what was being read meanwhile may be of before.
const changes = { count: 0 };

/** The route of a number, at most 30 seconds old; undefined where it is not in this isolate's cache. */
export function cachedRoute(id: string, now: Date): TrustedRoute | undefined {
  return lookUp(id, now, FRESH_MS);
}

/** The route of a number as it was within the last day, for when it cannot be looked up any more. */
export function staleRoute(id: string, now: Date): TrustedRoute | undefined {
  return lookUp(id, now, STALE_MS);
}

function lookUp(id: string, now: Date, maxAgeMs: number): TrustedRoute | undefined {
  const entry = cache.get(id);
  if (!entry || now.getTime() - entry.loadedAt >= maxAgeMs) return undefined;
  cache.delete(id);
  cache.set(id, entry);
  return entry.route;
}

/**
 * Reads the route of a number with one query, opens its tokens, and keeps both for the next call.
 *
 * @returns null where there is no such number
 * @throws StorageError
 * @throws UntrustedRoute where no token can be opened
 */
export async function loadRoute(id: string, services: RouteServices): Promise<TrustedRoute | null> {
  const { db, now } = services;
  const before = changes.count;
  const row = await findInboundRow(db, id);
  if (!row) {
    cache.delete(id);
    return null;
  }
  const route = routeOf(id, row);
  const keys = await openKeys(row).catch((cause: unknown) => {
    throw new UntrustedRoute(route, cause);
  });
  const trusted = { ...route, keys };
  if (changes.count !== before) return trusted;
  cache.delete(id);
  cache.set(id, { route: trusted, loadedAt: now().getTime() });
  for (const oldest of cache.keys()) {
    if (cache.size <= MAX_ROUTES) break;
    cache.delete(oldest);
  }
  return trusted;

  async function openKeys({ api_key_id, account_sid, ...stored }: InboundRow): Promise<CryptoKey[]> {
    const owner = { apiKeyId: api_key_id, accountSid: account_sid };
    return Promise.all((await openTokens(owner, stored, services)).map(verificationKey));
  }
}

/** Nothing about this route can be verified: its tokens do not open. */
export class UntrustedRoute extends VaultError {
  readonly route: InboundRoute;

  constructor(route: InboundRoute, cause: unknown) {
    super("the tokens of this route do not open", { cause });
    this.route = route;
  }
}

/** Makes changes of this API key's numbers, agents and tokens take effect at once in this isolate. */
export function forgetRoutes(apiKeyId: string): void {
  changes.count += 1;
  for (const [id, { route }] of cache) if (route.apiKeyId === apiKeyId) cache.delete(id);
}

function routeOf(id: string, row: InboundRow): InboundRoute {
  return {
    phoneNumberId: id,
    phoneNumber: row.phone_number,
    apiKeyId: row.api_key_id,
    accountSid: row.account_sid,
    inboundEnabled: row.inbound_enabled === 1,
    lastInboundAt: row.last_inbound_at,
    tokenChangedAt: row.auth_token_changed_at,
    agent: row.agent_id === null ? null : agentOf(row.agent_id, row),
  };
}

/** The JSON was validated when the agent was written. */
function agentOf(id: string, row: InboundRow): InboundAgent {
  return {
    id,
    isActive: row.is_active === 1,
    welcomeMessage: row.welcome_message,
    language: row.language ?? "en",
    connect: row.connect === null ? null : (JSON.parse(row.connect) as Connect),
    fallback: row.fallback === null ? null : (JSON.parse(row.fallback) as Fallback),
    record: row.record === 1,
    hasWebhook: row.webhook_url !== null,
  };
}
