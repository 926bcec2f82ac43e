// Twilio's hosts: `{product}.{edge}.{region}.twilio.com`, and `{product}.twilio.com` for US1.
// https://www.twilio.com/docs/global-infrastructure/using-the-twilio-rest-api-in-a-non-us-region

const TWILIO_HOST = /^api((?:\.[a-z0-9-]+\.([a-z]{2}\d+))?)\.twilio\.com$/;

/** The only way into each region outside the US. */
const EDGES = { ie1: "dublin", au1: "sydney" } as const;

export type Region = "us1" | keyof typeof EDGES;

/**
 * The origin of another of Twilio's products, in the region of the API that is configured. An API that is not at
 * twilio.com, such as a simulator, serves all products at one origin.
 */
export function productOrigin(apiBaseUrl: string, product: "messaging" | "routes"): string {
  const match = TWILIO_HOST.exec(new URL(apiBaseUrl).host);
  if (!match) return apiBaseUrl;
  // Routes is one service for all regions.
  return product === "routes" ? "https://routes.twilio.com" : `https://${product}${match[1]}.twilio.com`;
}

/** The region of the API that is configured: US1 unless its host says otherwise. */
export function regionOf(apiBaseUrl: string): string {
  return TWILIO_HOST.exec(new URL(apiBaseUrl).host)?.[2] ?? "us1";
}

/** The API in another region; undefined where the API that is configured is not at twilio.com. */
export function apiOrigin(apiBaseUrl: string, region: Region): string | undefined {
  if (!TWILIO_HOST.test(new URL(apiBaseUrl).host)) return undefined;
  return region === "us1" ? "https://api.twilio.com" : `https://api.${EDGES[region]}.${region}.twilio.com`;
}
