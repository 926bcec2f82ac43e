import { StorageError } from "../database.ts";
import { ApiError } from "../http/errors.ts";
import { errorFields } from "../http/log.ts";
import { type InboundRoute, type RouteServices, UntrustedRoute } from "./route.ts";
import { staleRoute } from "./route-cache.ts";
import { signingKey, trust, type UnverifiedRequest } from "./trusted-request.ts";

/**
 * The route of a call that has no further fallback: whatever fails on our side, the caller should hear something, if
 * possible the agent's own words.
 *
 * If D1 does not answer, we use what this isolate read within the last day. If no token can be opened, we cannot verify
 * the request; but it has the number's unguessable id, and it gets only what any caller of the number gets.
 *
 * @returns null if we know no route
 * @throws ApiError if the request is certainly not from Twilio
 */
export async function lastResort(
  unverified: UnverifiedRequest,
  services: RouteServices,
): Promise<InboundRoute | null> {
  try {
    return (await trust(unverified, services)).route;
  } catch (error) {
    if (error instanceof ApiError && error.code !== "not_found") throw error;
    services.log.warn("fallback_of_the_fallback", errorFields(error));
    if (error instanceof UntrustedRoute) return error.route;
    if (!(error instanceof StorageError)) return null;
    const stale = staleRoute(unverified.id, services.now());
    return stale && (await signingKey(unverified, stale)) !== undefined ? stale : null;
  }
}
