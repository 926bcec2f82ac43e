import { element, type Xml } from "./twiml.ts";

// The locales that <Say> accepts; the first of each language is its default. https://www.twilio.com/docs/voice/twiml/say
const LOCALES =
  "af-ZA am-ET ar-AE ar-XA bg-BG bn-IN ca-ES cmn-CN cmn-TW cs-CZ cy-GB da-DK de-DE de-AT el-GR en-US en-AU en-CA en-GB " +
  "en-GB-WLS en-IE en-IN en-NZ en-ZA es-ES es-MX es-US fi-FI fil-PH fr-FR fr-BE fr-CA gu-IN he-IL hi-IN hu-HU id-ID " +
  "is-IS it-IT ja-JP kn-IN ko-KR lv-LV ml-IN mr-IN ms-MY nb-NO nl-NL nl-BE pa-IN pl-PL pt-BR pt-PT ro-RO ru-RU sk-SK " +
  "sr-RS sv-SE ta-IN te-IN th-TH tr-TR uk-UA vi-VN yue-HK zh-CN zh-HK zh-TW";

const locales = LOCALES.split(" ");

/**
 * The `<Say>` language for a BCP 47 tag: the tag itself, or the default of its language. If Twilio has no voice for it,
 * undefined: Twilio then uses its default, American English.
 */
export function sayLanguage(tag: string): string | undefined {
  const wanted = tag.toLowerCase();
  const [language] = wanted.split("-");
  return (
    locales.find((locale) => locale.toLowerCase() === wanted) ??
    locales.find((locale) => locale.toLowerCase().split("-")[0] === language)
  );
}

/** `<Say>` in the language that fits the tag best. */
export function say(text: string, languageTag: string): Xml {
  return element("Say", { language: sayLanguage(languageTag) }, text);
}
