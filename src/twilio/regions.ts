import { isAboutCredentials, TwilioError } from "./errors.ts";
import type { TwilioEndpoint } from "./http.ts";

// Twilio's Regions. Each has its own Auth Tokens for the same account, and its own configuration of each number. The
// number's routing record says which Region handles its calls. Hosts: `{product}.{edge}.{region}.twilio.com`, and
// `{product}.twilio.com` for US1.
// https://www.twilio.com/docs/global-infrastructure/using-the-twilio-rest-api-in-a-non-us-region

/** Every Region that can have accounts, and its edge. If Twilio adds a Region, add a line. */
const EDGES: Readonly<Record<string, string>> = { us1: "ashburn", ie1: "dublin", au1: "sydney" };
export const REGIONS = Object.keys(EDGES);

export const US1 = "us1";
const TWILIO_HOST = /^api((?:\.[a-z0-9-]+\.([a-z]{2}\d+))?)\.twilio\.com$/;

function twilioHost(origin: string): RegExpExecArray | null {
  return TWILIO_HOST.exec(new URL(origin).host);
}

/** The Region of an endpoint, from its host or from the simulator's configuration; US1 if neither names one. */
export function regionOf({ baseUrl, regionUrls = {} }: TwilioEndpoint): string {
  const simulated = Object.entries(regionUrls).find(([, url]) => url === baseUrl)?.[0];
  return simulated ?? twilioHost(baseUrl)?.[2] ?? US1;
}

/**
 * The endpoint in a Region.
 *
 * @param region "" is the Region of the endpoint itself
 * @returns undefined if this deployment does not know an address of the Region
 */
export function inRegion(endpoint: TwilioEndpoint, region: string): TwilioEndpoint | undefined {
  if (region === "" || region === regionOf(endpoint)) return endpoint;
  const baseUrl = twilioHost(endpoint.baseUrl) ? originIn(region) : endpoint.regionUrls?.[region];
  return baseUrl === undefined ? undefined : { ...endpoint, baseUrl };
}

/** The same. @throws TwilioError if this deployment no longer knows an address of the Region */
export function requireRegion(endpoint: TwilioEndpoint, region: string): TwilioEndpoint {
  const found = inRegion(endpoint, region);
  if (!found) throw new TwilioError(`no address of Twilio's Region ${region}`, { failure: "unavailable" });
  return found;
}

/** A Region as D1 stores it: "" is the Region of the deployment's own endpoint. */
export function storedRegion(own: TwilioEndpoint, used: TwilioEndpoint): string {
  const region = regionOf(used);
  return region === regionOf(own) ? "" : region;
}

/** The name of a Region that D1 has stored. */
export function nameOfRegion(own: TwilioEndpoint, stored: string): string {
  return stored === "" ? regionOf(own) : stored;
}

function originIn(region: string): string | undefined {
  if (region === US1) return "https://api.twilio.com";
  const edge = Object.hasOwn(EDGES, region) ? EDGES[region] : undefined;
  return edge && `https://api.${edge}.${region}.twilio.com`;
}

/**
 * Does something by credentials in the deployment's own Region, and if that refuses them, in all others side by side:
 * credentials are good in one Region only, so the first that takes them is the only one.
 *
 * @throws what the own Region has answered
 */
export async function inItsRegion<T>(
  own: TwilioEndpoint,
  work: (endpoint: TwilioEndpoint) => Promise<T>,
): Promise<T> {
  return work(own).catch((error: unknown) => {
    if (!isAboutCredentials(error)) throw error;
    return Promise.any(otherRegions(own).map(work)).catch(() => {
      throw error;
    });
  });
}

/** The endpoints in all other Regions whose address this deployment knows. */
export function otherRegions(endpoint: TwilioEndpoint): TwilioEndpoint[] {
  return REGIONS.filter((region) => region !== regionOf(endpoint)).flatMap(
    (region) => inRegion(endpoint, region) ?? [],
  );
}

/**
 * The origin of another Twilio product, in the Region of the endpoint. An API that is not at twilio.com, such as a
 * simulator, serves all products at one origin.
 */
export function productOrigin(
  { baseUrl }: TwilioEndpoint,
  product: "messaging" | "routes" | "webhooks",
): string {
  const match = twilioHost(baseUrl);
  if (!match) return baseUrl;
  // These are one service for all Regions.
  return product !== "messaging"
    ? `https://${product}.twilio.com`
    : `https://${product}${match[1]}.twilio.com`;
}
