import { element, type Xml } from "./twiml.ts";

/** What is written in one language and spoken as another, or in another script. */
const SPOKEN_AS: Readonly<Record<string, string>> = {
  "no-Latn-NO": "nb-NO",
  "nn-Latn-NO": "nb-NO",
  "sr-Latn-RS": "sr-RS",
  "zh-Hant-HK": "yue-HK",
  "zh-Hant-MO": "yue-HK",
};

/**
 * Whose way of speaking is nearest if a region has no voice of its own: these regions speak as the first, all others as the
 * second. https://www.unicode.org/reports/tr35/tr35-info.html#LanguageMatching
 */
const NEAREST: Readonly<Record<string, readonly [regions: string, first: string, second: string]>> = {
  en: ["AS CA GU MH MP PH PR UM VI", "US", "GB"],
  es: ["AD EA GI GQ IC MA PH", "ES", "MX"],
  pt: ["AO CH CV GQ GW LU MO MZ ST TL", "PT", "BR"],
};

/** A tag with the script and region that CLDR fills in. As texts: `Intl.Locale` looks them up each time that they are read. */
type Whole = { language: string; script: string; region: string };

/** @throws RangeError if it is no BCP 47 tag */
function whole(tag: string): Whole {
  const { language, script = "", region = "" } = new Intl.Locale(tag).maximize();
  const spokenAs = SPOKEN_AS[`${language}-${script}-${region}`];
  return spokenAs === undefined ? { language, script, region } : whole(spokenAs);
}

/** Finds the code of a list that is nearest to a BCP 47 tag; undefined if the language is not in it. */
function nearestOf(list: string) {
  const codes = list.split(" ");
  let parsed: (Whole & { code: string })[] | undefined;
  return (tag: string): string | undefined => {
    // Most tags are codes, and to read the list takes a fresh isolate a millisecond, for which a caller waits.
    if (codes.includes(tag)) return tag;
    parsed ??= codes.map((code) => ({ code, ...whole(code) }));
    const wanted = whole(tag);
    const { language } = wanted;
    const same = parsed.filter((known) => known.language === language && known.script === wanted.script);
    if (same.length < 2) return same[0]?.code;
    const [regions, first, second] = NEAREST[language] ?? ["", "", ""];
    const nearest = regions.split(" ").includes(wanted.region) ? first : second;
    const of = (region: string) => same.find((known) => known.region === region);
    return (of(wanted.region) ?? of(nearest) ?? of(whole(language).region) ?? same[0])?.code;
  };
}

// The languages that Twilio speaks and hears: each verb has a list of its own.

/**
 * The `<Say>` language for a tag; undefined: Twilio then uses its default, American English.
 * https://www.twilio.com/docs/voice/twiml/say
 */
export const sayLanguage = nearestOf(
  "af-ZA am-ET ar-XA ar-AE bg-BG bn-IN ca-ES cs-CZ cy-GB da-DK de-DE de-AT el-GR en-US en-AU en-CA en-GB " +
    "en-IE en-IN en-NZ en-ZA es-ES es-MX es-US fi-FI fil-PH fr-FR fr-BE fr-CA gu-IN he-IL hi-IN hu-HU id-ID is-IS it-IT " +
    "ja-JP kn-IN ko-KR lv-LV ml-IN mr-IN ms-MY nb-NO nl-NL nl-BE pa-IN pl-PL pt-BR pt-PT ro-RO ru-RU sk-SK sr-RS sv-SE " +
    "ta-IN te-IN th-TH tr-TR uk-UA vi-VN yue-HK zh-CN zh-TW",
);

/**
 * The same for `<Gather>`, which fails for a language that it does not know.
 * https://www.twilio.com/docs/voice/twiml/gather#languagetags
 */
export const gatherLanguage = nearestOf(
  "af-ZA am-ET ar-EG ar-AE ar-BH ar-DZ ar-IL ar-IQ ar-JO ar-KW ar-LB ar-MA ar-OM ar-PS ar-QA ar-SA ar-TN az-AZ bg-BG " +
    "bn-IN bn-BD ca-ES cmn-Hans-CN cs-CZ da-DK de-DE el-GR en-US en-AU en-CA en-GB en-GH en-IE en-IN en-KE " +
    "en-NG en-NZ en-PH en-SG en-TZ en-ZA es-ES es-AR es-BO es-CL es-CO es-CR es-DO es-EC es-GT es-HN es-MX es-NI es-PA " +
    "es-PE es-PR es-PY es-SV es-US es-UY es-VE et-EE eu-ES fa-IR fi-FI fil-PH fr-FR fr-CA gl-ES gu-IN he-IL hi-IN hr-HR " +
    "hu-HU hy-AM id-ID is-IS it-IT ja-JP jv-ID ka-GE km-KH kn-IN ko-KR lo-LA lt-LT lv-LV mk-MK ml-IN mn-MN mr-IN ms-MY " +
    "my-MM nb-NO ne-NP nl-NL nl-BE pa-guru-IN pl-PL pt-BR pt-PT ro-RO ru-RU si-LK sk-SK sl-SI sq-AL sr-RS su-ID sv-SE " +
    "sw-TZ sw-KE ta-IN ta-LK ta-MY ta-SG te-IN th-TH tr-TR uk-UA ur-PK ur-IN uz-UZ vi-VN yue-Hant-HK zh-TW zu-ZA",
);

/**
 * The same for ConversationRelay. Twilio publishes no list: these are what its default providers of voices and of ears
 * both have. A caller who speaks another language is heard by `<Gather>`.
 * https://www.twilio.com/docs/voice/conversationrelay/voice-configuration
 */
export const relayLanguage = nearestOf(
  "bg-BG cs-CZ da-DK de-DE el-GR en-US en-AU en-GB en-IN en-NZ es-ES es-MX es-US fi-FI fr-FR fr-CA hi-IN hu-HU id-ID " +
    "it-IT ja-JP ko-KR ms-MY nb-NO nl-NL nl-BE pl-PL pt-BR pt-PT ro-RO ru-RU sk-SK sv-SE tr-TR uk-UA vi-VN zh-CN zh-TW",
);

/** `<Say>` in the language that fits the tag best. */
export function say(text: string, languageTag: string): Xml {
  return element("Say", { language: sayLanguage(languageTag) }, text);
}
