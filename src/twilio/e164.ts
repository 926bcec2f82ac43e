/** E.164: up to 15 digits, the first not zero. https://www.twilio.com/docs/glossary/what-e164 */
export const E164 = /^\+[1-9][0-9]{1,14}$/;

/** Whether a text is a phone number in E.164. */
export function isE164(text: string): boolean {
  return E164.test(text);
}

// What people write between digits, also the dashes of Unicode, and invisible marks that come with copied text.
const SEPARATORS = /[\s().\-/\u2010-\u2015\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu;

export type NearMiss = { problem: string; nearest: string };

/**
 * Why a text is not E.164, and the number that the caller most likely means. Undefined if that would be a guess, for
 * example for a number without country code.
 */
export function nearMissOfE164(text: string): NearMiss | undefined {
  const joined = text.replace(SEPARATORS, "").replace(/^00/, "+");
  if (!isE164(joined)) return undefined;
  if (text.startsWith("00")) return { problem: "It begins with 00 instead of a plus sign", nearest: joined };
  const onlySpaces = text.replace(/\s/g, "") === joined;
  return { problem: `It contains ${onlySpaces ? "spaces" : "separators"}`, nearest: joined };
}
