// Twilio's hosts: `{product}.{edge}.{region}.twilio.com`, and `{product}.twilio.com` for US1.
// https://www.twilio.com/docs/global-infrastructure/using-the-twilio-rest-api-in-a-non-us-region

const TWILIO_HOST = /^api((?:\.[a-z0-9-]+\.([a-z]{2}\d+))?)\.twilio\.com$/;

/** The only edge of each region outside the US. */
const EDGES = { ie1: "dublin", au1: "sydney" } as const;

export type Region = "us1" | keyof typeof EDGES;

/**
 * The origin of another Twilio product, in the region of the configured API. An API that is not at twilio.com, such as a
 * simulator, serves all products at one origin.
 */
export function productOrigin(apiBaseUrl: string, product: "messaging" | "routes"): string {
  const match = TWILIO_HOST.exec(new URL(apiBaseUrl).host);
  if (!match) return apiBaseUrl;
  // Routes is one service for all regions.
  return product === "routes" ? "https://routes.twilio.com" : `https://${product}${match[1]}.twilio.com`;
}

/** The region of the configured API: US1, unless its host names another region. */
export function regionOf(apiBaseUrl: string): string {
  return TWILIO_HOST.exec(new URL(apiBaseUrl).host)?.[2] ?? "us1";
}

/** The API in another region; undefined if the configured API is not at twilio.com. */
export function apiOrigin(apiBaseUrl: string, region: Region): string | undefined {
  if (!TWILIO_HOST.test(new URL(apiBaseUrl).host)) return undefined;
  return region === "us1" ? "https://api.twilio.com" : `https://api.${EDGES[region]}.${region}.twilio.com`;
}
