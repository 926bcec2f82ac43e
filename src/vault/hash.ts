import { hex } from "../ids.ts";

const utf8 = new TextEncoder();

/**
 * SHA-256 of a text as 64 hex characters.
 *
 * Safe for its use here, API key secrets of 256 random bits: nobody can guess them, so a slow hash would not help. Not
 * safe for passwords.
 */
export async function sha256(text: string): Promise<string> {
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", utf8.encode(text))));
}
