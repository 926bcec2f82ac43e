import { dialledBy } from "../agents/connect.ts";
import { mayTake, type Services } from "../services.ts";
import { isE164 } from "../twilio/e164.ts";
import { dialsNumber, type Xml } from "../twilio/twiml.ts";
import { type InboundRoute, isVerified } from "./route.ts";

/**
 * Counts verbs that put a call through to a telephone number as one of the day's calls, and decides anew without the
 * agent's numbers if none is left. Whoever dials nobody waits for nothing, and a request that nobody has verified counts
 * nothing.
 */
export async function withinCallsPerDay(
  route: InboundRoute,
  decide: (route: InboundRoute) => Xml[],
  services: Services,
): Promise<Xml[]> {
  const { agent, apiKeyId, limits } = route;
  const verbs = decide(route);
  if (!agent || !isVerified(route) || !dialsNumber(verbs)) return verbs;
  if (await mayTake("dial", apiKeyId, limits, services)) return verbs;
  return decide({ ...route, refused: dialledBy({ ...agent, ...agent.talk }).filter(isE164) });
}
