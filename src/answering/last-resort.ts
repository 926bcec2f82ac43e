import { StorageError } from "../database.ts";
import { ApiError } from "../http/errors.ts";
import { errorFields } from "../http/log.ts";
import { type InboundRoute, type RouteServices, UntrustedRoute } from "./route.ts";
import { staleRoute } from "./route-cache.ts";
import { signingKey, trust, type UnverifiedRequest } from "./trusted-request.ts";

/**
 * The route of a call for which there is no further fallback: whatever of ours is broken, its caller should hear
 * something, the agent's own words if they can still be had.
 *
 * Where D1 does not answer, what this isolate knew within the last day will do. Where no token opens, nothing can be
 * verified; the caller knows the number's unguessable id, and gets nothing but what its callers get.
 *
 * @returns null where nothing is known
 * @throws ApiError for what is certainly not Twilio's
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
