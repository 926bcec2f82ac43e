import * as z from "zod/mini";
import { E164, nearMissOfE164 } from "../twilio/e164.ts";
import type { Fault } from "./faults.ts";
import { pattern } from "./schema.ts";

/** What is wrong with a phone number, and the one that was most likely meant. */
export function invalidPhoneNumber(text: string): Fault {
  const near = nearMissOfE164(text);
  return {
    code: "invalid_phone_format",
    ...(near && {
      hint: `${near.problem}. Send it as ${near.nearest}.`,
      details: { suggestion: near.nearest },
    }),
  };
}

export const isPhoneNumber = () => pattern(E164, invalidPhoneNumber);

/** A number in a query, with or without its plus: one that is not written as %2B is a space. */
export const phoneNumberInQuery = () =>
  z.pipe(
    z.transform((text) => String(text).replace(/^ |^(?=[1-9]\d{6,14}$)/, "+")),
    z.string().check(isPhoneNumber()),
  );
