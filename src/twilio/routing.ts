import * as z from "zod/mini";
import { isNotFound } from "./errors.ts";
import { callTwilio, type TwilioCredentials, type TwilioEndpoint } from "./http.ts";
import { productOrigin } from "./regions.ts";

const record = z.object({ voice_region: z.nullish(z.string()) });

// Who asks waits for something else as well, and can do without the answer.
const PATIENCE_MS = 2_500;

/**
 * The region that handles a number's calls, such as `us1`. Each region has its own configuration of the number.
 * https://www.twilio.com/docs/global-infrastructure/inbound-processing-api
 *
 * @returns undefined if Twilio has no record: the default region
 * @throws TwilioError
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
