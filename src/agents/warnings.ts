import type { Warning } from "../http/warnings.ts";
import { gatherLanguage, sayLanguage } from "../twilio/say.ts";

/** The agent in an answer to who has written it, with what to know about it. */
export function withOwnWarnings<Agent extends { language: string }>(agent: Agent) {
  const warnings = languageWarnings(agent.language);
  return warnings.length === 0 ? agent : { ...agent, warnings };
}

function languageWarnings(language: string): Warning<"language_not_spoken">[] {
  const isSpoken = sayLanguage(language) !== undefined;
  if (isSpoken && gatherLanguage(language) !== undefined) return [];
  const message = isSpoken
    ? `Twilio has no speech recognition for ${language}: callers are understood as if they spoke American English.`
    : `Twilio has no voice for ${language}: texts are read out as if they were American English.`;
  return [{ code: "language_not_spoken", message, details: { field: "language", language } }];
}
