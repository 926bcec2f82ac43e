import { createState, type State } from "./state.ts";

// Twilio's Regions: each knows the same accounts by tokens of its own, and has its own record of each number. Only the
// routing of calls is one for all. https://www.twilio.com/docs/global-infrastructure/understanding-twilio-regions

export const REGIONS = ["us1", "ie1", "au1"] as const;
export type Region = (typeof REGIONS)[number];

export function createRegions(): Record<Region, State> {
  const us1 = createState();
  return { us1, ie1: createState(us1), au1: createState(us1) };
}

/** The Region of a host of Twilio's, such as `api.dublin.ie1.twilio.com`; US1 unless it says otherwise. */
export function regionOfHost(host: string): Region {
  return REGIONS.find((region) => host.split(".").includes(region)) ?? "us1";
}

/** The Region that handles a number's calls. */
export function voiceRegionOf(regions: Record<Region, State>, phoneNumber: string): Region {
  const routed = regions.us1.voiceRegions.get(phoneNumber);
  return REGIONS.find((region) => region === routed) ?? "us1";
}
