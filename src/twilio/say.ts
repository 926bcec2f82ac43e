import { element, type Xml } from "./twiml.ts";

// The languages <Say> takes, for each language its default first. https://www.twilio.com/docs/voice/twiml/say
const LOCALES =
  "af-ZA am-ET ar-AE ar-XA bg-BG bn-IN ca-ES cmn-CN cmn-TW cs-CZ cy-GB da-DK de-DE de-AT el-GR en-US en-AU en-CA en-GB " +
  "en-GB-WLS en-IE en-IN en-NZ en-ZA es-ES es-MX es-US fi-FI fil-PH fr-FR fr-BE fr-CA gu-IN he-IL hi-IN hu-HU id-ID " +
  "is-IS it-IT ja-JP kn-IN ko-KR lv-LV ml-IN mr-IN ms-MY nb-NO nl-NL nl-BE pa-IN pl-PL pt-BR pt-PT ro-RO ru-RU sk-SK " +
  "sr-RS sv-SE ta-IN te-IN th-TH tr-TR uk-UA vi-VN yue-HK zh-CN zh-HK zh-TW";

const locales = LOCALES.split(" ");

/**
 * The `<Say>` language for a BCP 47 tag: itself, or the default of its language, or undefined (Twilio's default,
 * American English) where Twilio has no voice for it.
 */
export function sayLanguage(tag: string): string | undefined {
  const wanted = tag.toLowerCase();
  const [language] = wanted.split("-");
  return (
    locales.find((locale) => locale.toLowerCase() === wanted) ??
    locales.find((locale) => locale.toLowerCase().split("-")[0] === language)
  );
}

/** `<Say>` in the language nearest to the tag. */
export function say(text: string, languageTag: string): Xml {
  return element("Say", { language: sayLanguage(languageTag) }, text);
}
