import { createState, type State } from "./state.ts";

// Twilio's Regions. Each has the same accounts with its own tokens, and its own record of each number. They share only the
// routing of calls. https://www.twilio.com/docs/global-infrastructure/understanding-twilio-regions

export const REGIONS = ["us1", "ie1", "au1"] as const;
export type Region = (typeof REGIONS)[number];

export function createRegions(): Record<Region, State> {
  const us1 = createState();
  return { us1, ie1: createState(us1), au1: createState(us1) };
}

/** The Region of a Twilio host, such as `api.dublin.ie1.twilio.com`; US1 if the host names none. */
export function regionOfHost(host: string): Region {
  return REGIONS.find((region) => host.split(".").includes(region)) ?? "us1";
}

/** The Region that handles a number's calls. */
export function voiceRegionOf(regions: Record<Region, State>, phoneNumber: string): Region {
  const routed = regions.us1.voiceRegions.get(phoneNumber);
  return REGIONS.find((region) => region === routed) ?? "us1";
}
