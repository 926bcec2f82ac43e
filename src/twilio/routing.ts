import * as z from "zod/mini";
import { isNotFound } from "./errors.ts";
import { callTwilio, type TwilioCredentials, type TwilioEndpoint } from "./http.ts";
import { productOrigin } from "./regions.ts";

const record = z.object({ voice_region: z.nullish(z.string()) });

// The caller can work without this answer, so it does not wait long.
const PATIENCE_MS = 2_500;

/**
 * The Region that handles a number's calls, such as `us1`, from its routing record. Each Region has its own
 * configuration of the number. https://www.twilio.com/docs/global-infrastructure/inbound-processing-api
 *
 * @returns undefined if the number has no record
 * @throws TwilioError if Twilio does not give the record within two and a half seconds
 */
export async function findVoiceRegion(
  endpoint: TwilioEndpoint,
  credentials: TwilioCredentials,
  phoneNumber: string,
): Promise<string | undefined> {
  const routes = {
    baseUrl: productOrigin(endpoint, "routes"),
    timeoutMs: Math.min(endpoint.timeoutMs, PATIENCE_MS),
  };
  const path = `/v2/PhoneNumbers/${encodeURIComponent(phoneNumber)}`;
  try {
    const parsed = record.safeParse(await callTwilio(routes, credentials, { method: "GET", path }));
    return parsed.success ? (parsed.data.voice_region?.toLowerCase() ?? undefined) : undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
