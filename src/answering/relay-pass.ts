import type { BaseServices } from "../http/base-services.ts";
import { equalInConstantTime } from "../vault/constant-time.ts";
import type { InboundRoute } from "./route.ts";

// Whether the handshake of a WebSocket follows a Webhook Rule is not documented. If it does not, the Auth Token signs it, which
// nobody here has of an account that is connected by an API key. So the URL of its WebSocket holds a pass: only the answer
// to a verified request has it, for one call of one number.

/** As long as Twilio lets a call be; it may connect again in mid-call. https://www.twilio.com/docs/voice/twiml/dial */
const VALID_MS = 4 * 60 * 60 * 1000;

type Services = Pick<BaseServices, "ids" | "now">;

async function passUntil(until: string, phoneNumberId: string, callSid: string, { ids }: Services) {
  return `${until}-${await ids.nameOf(`relay/${phoneNumberId}/${callSid}/${until}`)}`;
}

/** The call as the URL of its WebSocket names it. */
export async function namedCall(route: InboundRoute, callSid: string, services: Services): Promise<string> {
  if (route.row.api_key_sid === null) return callSid;
  const until = (services.now().getTime() + VALID_MS).toString(36);
  return `${callSid}.${await passUntil(until, route.phoneNumberId, callSid, services)}`;
}

/** Whether this service has named the call so, and not too long ago. Compares in constant time. */
export async function isPassed(named: string, phoneNumberId: string, services: Services): Promise<boolean> {
  const [callSid = "", pass = ""] = named.split(".");
  const [until = ""] = pass.split("-");
  if (!(Number.parseInt(until, 36) > services.now().getTime())) return false;
  return equalInConstantTime(pass, await passUntil(until, phoneNumberId, callSid, services));
}
