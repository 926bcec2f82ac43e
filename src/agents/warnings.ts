import type { Warning } from "../http/warnings.ts";
import type { Limits } from "../limits.ts";
import { refusedOf } from "../twilio/country.ts";
import { gatherLanguage, sayLanguage } from "../twilio/say.ts";
import { dialledBy } from "./connect.ts";

type Written = { language: string } & Parameters<typeof dialledBy>[0];

/** The agent in an answer to who has written it, with what to know about it. @param limitsOfKey asked for if it dials */
export async function withOwnWarnings<Agent extends Written>(
  agent: Agent,
  limitsOfKey: () => Promise<Limits>,
) {
  const dialled = dialledBy(agent);
  const refused =
    dialled.length === 0 ? [] : await refusedOf(dialled, (await limitsOfKey()).allowed_countries);
  const warnings: Warning[] = [
    ...languageWarnings(agent.language),
    ...[...refused].map(([number, country]) => countryWarning(number, country)),
  ];
  return warnings.length === 0 ? agent : { ...agent, warnings };
}

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
