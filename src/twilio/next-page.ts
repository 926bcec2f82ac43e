import { TwilioError } from "./errors.ts";

/** `next_page_uri` as a path. It must stay in the same list on the same host, because the credentials are sent there. */
export function nextPage(uri: string | null | undefined, baseUrl: string, list: string): string | undefined {
  if (!uri) return undefined;
  const url = URL.parse(uri, baseUrl);
  if (url?.origin !== new URL(baseUrl).origin || url.pathname !== list) {
    throw new TwilioError("Twilio's next page is outside the list", { failure: "unavailable" });
  }
  return url.pathname + url.search;
}
