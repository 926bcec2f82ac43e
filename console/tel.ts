// Telephone numbers for the eye.

/** A number in E.164: its country's calling code (ITU-T E.164.D lists them), and the digits after it. */
const E164 = /^(\+(?:1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|\d{3}))(\d{4,})$/;

/**
 * The groups in which a number is shown: the calling code, then threes, and up to four at the end. Where a country puts
 * its own spaces takes a list that is larger than what the first load has left. Of what is no number: itself.
 */
export function groupsOf(number: string): string[] {
  const [, code, rest] = E164.exec(number) ?? [];
  return code && rest ? [code, ...(rest.match(/\d{3}(?=\d{2})|\d+/g) ?? [])] : [number];
}
