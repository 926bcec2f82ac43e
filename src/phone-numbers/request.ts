import type { AppContext } from "../http/context.ts";
import { invalidPhoneNumber } from "../http/phone-number.ts";
import { faultError } from "../http/schema.ts";
import { isE164 } from "../twilio/e164.ts";

/** Lets the work finish even if the client disconnects. */
export function toTheEnd<T>(c: AppContext, work: Promise<T>): Promise<T> {
  c.executionCtx.waitUntil(work.catch(() => undefined));
  return work;
}

/** @throws ApiError `invalid_phone_format` */
export function numberInPath(c: AppContext): string {
  const number = c.req.param("number") ?? "";
  if (!isE164(number)) throw faultError(invalidPhoneNumber(number));
  return number;
}
