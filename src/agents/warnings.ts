import type { Warning } from "../http/warnings.ts";
import type { Limits } from "../limits.ts";
import { refusedOf } from "../twilio/country.ts";
import { gatherLanguage, sayLanguage } from "../twilio/say.ts";
import { dialledBy } from "./connect.ts";

type Written = { language: string | null } & Parameters<typeof dialledBy>[0];

/** What whoever has written this should know about it. @param limitsOfKey asked for if it dials */
export async function warningsOfWritten(
  { language, ...dials }: Written,
  limitsOfKey: () => Promise<Limits>,
): Promise<Warning[]> {
  const dialled = dialledBy(dials);
  const refused =
    dialled.length === 0 ? [] : await refusedOf(dialled, (await limitsOfKey()).allowed_countries);
  return [
    ...(language === null ? [] : languageWarnings(language)),
    ...[...refused].map(([number, country]) => countryWarning(number, country)),
  ];
}

/** An answer with its warnings beside the resource, if there are any. */
export const withOwnWarnings = <Answer extends object>(answer: Answer, warnings: readonly Warning[]) =>
  warnings.length === 0 ? answer : { ...answer, warnings };

function countryWarning(number: string, country: string | null): Warning<"country_not_allowed"> {
  const where = country === null ? "a number of no country, such as a premium one" : `in ${country}`;
  const message = `Calls are not put through to ${number}: it is ${where}, where this API key may not call.`;
  return { code: "country_not_allowed", message, details: { phone_number: number, country: country ?? "" } };
}

function languageWarnings(language: string): Warning<"language_not_spoken">[] {
  const isSpoken = sayLanguage(language) !== undefined;
  if (isSpoken && gatherLanguage(language) !== undefined) return [];
  const message = isSpoken
    ? `Twilio has no speech recognition for ${language}: callers are understood as if they spoke American English.`
    : `Twilio has no voice for ${language}: texts are read out as if they were American English.`;
  return [{ code: "language_not_spoken", message, details: { field: "language", language } }];
}
