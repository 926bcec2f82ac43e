import { learnSplit } from "../parts.ts";
import { FRESH_MS, STALE_MS } from "../time.ts";
import { verificationKey } from "../twilio/signature.ts";
import { openSigners } from "../twilio-accounts/credential.ts";
import { accountOf } from "../twilio-accounts/row.ts";
import { type RouteServices, routeOf, type TrustedRoute, UntrustedRoute } from "./route.ts";
import { findReleasedRoute, findRoute, type RouteRow } from "./route-store.ts";

// A caller waits for the route, so we keep it: long enough that a busy number costs no query, short enough that a
// change made through another isolate soon takes effect. If D1 is down, an old route is better than none.
const MAX_ROUTES = 1_000;

type Entry = { route: TrustedRoute; loadedAt: number };

// In order of use, the least recently used first.
const cache = new Map<string, Entry>();
// The changes by this isolate: a route that was read during a change may be old and is not cached.
const changes = { count: 0, lastAt: Number.NEGATIVE_INFINITY };

/** The route of a number, at most 30 seconds old; undefined if it is not in this isolate's cache. */
export function cachedRoute(id: string, now: Date): TrustedRoute | undefined {
  return cached(id, now, FRESH_MS);
}

/** The route of a number, at most a day old, for when D1 does not answer. */
export function staleRoute(id: string, now: Date): TrustedRoute | undefined {
  return cached(id, now, STALE_MS);
}

function cached(id: string, now: Date, maxAgeMs: number): TrustedRoute | undefined {
  const entry = cache.get(id);
  if (!entry || now.getTime() - entry.loadedAt >= maxAgeMs) return undefined;
  cache.delete(id);
  cache.set(id, entry);
  return entry.route;
}

/** Where a route is read: from the nearest replica of D1, which may lag behind, or from the primary. */
export type Source = "nearest" | "primary";

/**
 * Where to look for a route, in this order. A replica may not have a number yet that was just imported, or a token that
 * was just replaced. The primary is asked first after a change by this isolate, and if the cached route's key did not fit.
 */
export function sources(isCached: boolean, now: Date): readonly Source[] {
  const isChanging = now.getTime() - changes.lastAt < FRESH_MS;
  return isCached || isChanging ? ["primary"] : ["nearest", "primary"];
}

/**
 * Reads the route of a number with one query, opens its tokens, and keeps both for the next call.
 *
 * @returns null if there is no such number
 * @throws StorageError
 * @throws UntrustedRoute if no token can be opened
 */
export async function loadRoute(
  id: string,
  source: Source,
  services: RouteServices,
): Promise<TrustedRoute | null> {
  const { db, now } = services;
  const before = changes.count;
  // https://developers.cloudflare.com/d1/best-practices/read-replication/
  const row = await findRoute(source === "nearest" ? db.withSession("first-unconstrained") : db, id);
  if (!row) {
    cache.delete(id);
    return null;
  }
  const trusted = await withKeys(id, row, services);
  if (changes.count !== before) return trusted;
  cache.delete(id);
  cache.set(id, { route: trusted, loadedAt: now().getTime() });
  for (const oldest of cache.keys()) {
    if (cache.size <= MAX_ROUTES) break;
    cache.delete(oldest);
  }
  return trusted;
}

/**
 * The route of a number that was released within a day, for reports only. It is not kept, and ends no rotation.
 *
 * @throws StorageError
 * @throws UntrustedRoute
 */
export async function loadReleasedRoute(id: string, services: RouteServices): Promise<TrustedRoute | null> {
  const row = await findReleasedRoute(services.db, id);
  return row && { ...(await withKeys(id, row, services)), mayReturn: true };
}

async function withKeys(id: string, row: RouteRow, services: RouteServices): Promise<TrustedRoute> {
  const route = await routeOf(id, row, services.defaultLimits);
  learnSplit(row.api_key_id, row);
  try {
    const { signers, ...more } = await openSigners(accountOf(row), row, services);
    const keys = signers.map(({ secret, algorithm }) => verificationKey(secret, algorithm));
    return { ...route, keys: await Promise.all(keys), ...more };
  } catch (cause) {
    throw new UntrustedRoute(route, cause);
  }
}

/** Makes changes to this API key's numbers, agents and tokens take effect at once in this isolate: `routesChanged`. */
export function forgetRoutes(apiKeyId: string): void {
  changes.count += 1;
  changes.lastAt = Date.now();
  for (const [id, { route }] of cache) if (route.apiKeyId === apiKeyId) cache.delete(id);
}
