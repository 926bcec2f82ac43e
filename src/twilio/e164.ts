/** E.164: up to 15 digits, the first not zero. https://www.twilio.com/docs/glossary/what-e164 */
export const E164 = /^\+[1-9][0-9]{1,14}$/;

/** Whether a text is a phone number in E.164. */
export function isE164(text: string): boolean {
  return E164.test(text);
}

/**
 * How carriers and Twilio write a caller who does not show a number: in words, or as the words on a keypad (ANONYMOUS,
 * RESTRICTED, UNKNOWN, BLOCKED, UNAVAILABLE). https://www.twilio.com/docs/api/errors/13214
 */
const WITHHELD =
  /^(?:\+?(?:266696687|7378742833|8656696|2562533|86282452253)|(?:sip:)?(?:anonymous|restricted|unknown|blocked|unavailable|private)(?:@.*)?|\+?)$/i;

export function isWithheld(from: string): boolean {
  return WITHHELD.test(from.trim());
}

// What people write between digits, also the dashes of Unicode, and invisible marks that come with copied text.
const SEPARATORS = /[\s().\-/\u2010-\u2015\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu;

// What spreadsheets and web pages put around a number.
const WRAPPING = /^(?:="?|'|"|tel:)|"$/gi;

// Within these countries a zero is dialled before the rest of a number; with the country code it is left out. Others, as
// Italy, keep a zero, or have none. https://www.itu.int/pub/T-SP-OB.994-2009
const OWN_ZERO =
  /^\+(20|27|3[123]|353|355|358|359|38[01579]|4[013469]|421|6[01234]|66|8[124]|86|9[01245]|98|21[23]|23[34]|25[456]|26[03]|880|886|96[12]|966|97[127])0/;

export type NearMiss = { problem: string; nearest: string };

/**
 * Why a text is not E.164, and the number that the caller most likely means. Undefined if that would be a guess, for
 * example for a number without country code.
 */
export function nearMissOfE164(text: string): NearMiss | undefined {
  const plain = text.normalize("NFKC").replace(WRAPPING, "");
  const joined = plain.replace(SEPARATORS, "").replace(/^00/, "+");
  const nearest = joined.replace(OWN_ZERO, "+$1");
  // Whether "(0)" belongs to the number depends on the country.
  const isGuess = nearest === joined && /\(\s*0\s*\)/.test(plain);
  if (isGuess || !isE164(nearest)) return undefined;
  if (nearest !== joined)
    return { problem: "It contains the 0 that is dialled within the country only", nearest };
  if (plain.startsWith("00")) return { problem: "It begins with 00 instead of a plus sign", nearest };
  if (plain !== text) return { problem: "It contains more than the number", nearest };
  const onlySpaces = text.replace(/\s/g, "") === nearest;
  return { problem: `It contains ${onlySpaces ? "spaces" : "separators"}`, nearest };
}

/** The number that a person has written, in E.164 if that is no guess. */
export function readPhoneNumber(text: string): string {
  return isE164(text) ? text : (nearMissOfE164(text)?.nearest ?? text);
}
