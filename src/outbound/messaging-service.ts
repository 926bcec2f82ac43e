import { StorageError } from "../database.ts";
import { errorFields } from "../http/log.ts";
import type { Services } from "../services.ts";
import { TwilioError } from "../twilio/errors.ts";
import { findMessagingService } from "../twilio/messaging-services.ts";
import type { Sender } from "./sender.ts";
import { writeMessagingService } from "./store.ts";

// A number in a Messaging Service sends through it: with the service go its A2P 10DLC registration, its opt-outs and its
// settings. Twilio cannot say which service a number is in, and asking each of them takes many requests, so it is written
// down. https://www.twilio.com/docs/messaging/services

const ASK_AGAIN_MS = 60 * 60 * 1_000;

/** Twilio has no such service, or the number is not in it. https://www.twilio.com/docs/api/errors/21711 */
const IS_NOT_IN_IT: ReadonlySet<number> = new Set([21701, 21711]);

type Connected = Awaited<ReturnType<Sender["connect"]>>;

/** The service's SID, or null. Only a number's first text waits for Twilio; after that it is asked beside a text. */
export async function messagingServiceOf(
  sender: Sender,
  connected: Connected,
  services: Services,
): Promise<string | null> {
  const { sid, checkedAt } = sender.messagingService;
  if (checkedAt === null) return askTwilio(sender, connected, services);
  if (services.now().getTime() - Date.parse(checkedAt) > ASK_AGAIN_MS)
    services.defer(askTwilio(sender, connected, services));
  return sid;
}

/** Asks Twilio, and writes the answer down. Without an answer, what was known still counts. Never throws. */
async function askTwilio(sender: Sender, connected: Connected, services: Services): Promise<string | null> {
  const { endpoint, credentials } = connected;
  try {
    const found = await findMessagingService(endpoint, credentials, sender.twilioNumberSid);
    const sid = found?.sid ?? null;
    await writeMessagingService(services.db, sender.phoneNumberId, sid, services.now().toISOString());
    return sid;
  } catch (error) {
    if (!(error instanceof TwilioError || error instanceof StorageError)) throw error;
    services.log.warn("messaging_service_not_found_out", errorFields(error));
    return sender.messagingService.sid;
  }
}

/**
 * Sends a text through the service. If Twilio says that the number is no longer in it, nothing was sent: Twilio is asked
 * where the number is now, and the text goes that way.
 *
 * @throws TwilioError
 */
export async function sendThrough(
  service: string | null,
  send: (service: string | null) => Promise<string>,
  sender: Sender,
  connected: Connected,
  services: Services,
): Promise<string> {
  try {
    return await send(service);
  } catch (error) {
    const hasLeft = error instanceof TwilioError && IS_NOT_IN_IT.has(error.facts.twilioCode ?? 0);
    if (service === null || !hasLeft) throw error;
    const now = await askTwilio(sender, connected, services);
    return send(now === service ? null : now);
  }
}
