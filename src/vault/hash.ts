import { hex } from "../ids.ts";

const utf8 = new TextEncoder();

/**
 * SHA-256 of a text as 64 hex characters.
 *
 * Fit for what it is used for, API key secrets of 256 random bits: there is nothing to guess, so nothing is
 * gained by a slow hash. Not fit for passwords.
 */
export async function sha256(text: string): Promise<string> {
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", utf8.encode(text))));
}
