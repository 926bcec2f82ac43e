import type { AppContext } from "../http/context.ts";
import { ApiError, errorCatalogue } from "../http/errors.ts";
import { invalidPhoneNumber } from "../http/phone-number.ts";
import { isE164 } from "../twilio/e164.ts";
import { findPhoneNumber } from "./store.ts";

/** Lets the work finish even if the client disconnects. */
export function toTheEnd<T>(c: AppContext, work: Promise<T>): Promise<T> {
  c.executionCtx.waitUntil(work.catch(() => undefined));
  return work;
}

const NUMBER_SID = /^PN[0-9a-f]{32}$/i;

/**
 * The number that a path names in E.164, with or without its plus, or by its SID at Twilio.
 *
 * @throws ApiError `invalid_phone_format`, `number_not_found`
 */
export async function numberInPath(c: AppContext): Promise<string> {
  const text = c.req.param("number") ?? "";
  if (NUMBER_SID.test(text)) {
    const number = await findPhoneNumber(c.env.DB, c.get("apiKeyId") ?? "", text);
    if (number === null) throw new ApiError("number_not_found");
    return number;
  }
  const number = /^[1-9]/.test(text) ? `+${text}` : text;
  if (isE164(number)) return number;
  const { code, hint = "", details = {} } = invalidPhoneNumber(text);
  throw new ApiError(code, { message: `${errorCatalogue[code].message} ${hint}`.trim(), details });
}
