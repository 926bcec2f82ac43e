import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { say, sayLanguage } from "../../src/twilio/say.ts";
import { element, twimlResponse } from "../../src/twilio/twiml.ts";

/** Reads escaped text back, so that what was said can be compared with what was meant. */
function readBack(xml: string): string {
  const characters: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
  return xml.replace(/&(\w+);/g, (_, name: string) => characters[name] ?? "?");
}

describe("TwiML", () => {
  it("is XML of Twilio's type", async () => {
    const response = twimlResponse(say("Hello & <welcome>", "en"), element("Hangup"));
    expect(response.headers.get("content-type")).toBe("text/xml; charset=utf-8");
    expect(await response.text()).toBe(
      '<?xml version="1.0" encoding="UTF-8"?><Response><Say language="en-US">Hello &amp; &lt;welcome&gt;</Say><Hangup/></Response>',
    );
  });

  it("is an empty response where there is nothing to do", async () => {
    expect(await twimlResponse().text()).toBe('<?xml version="1.0" encoding="UTF-8"?><Response/>');
  });

  it("lets no text out of its element and no value out of its attribute", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const { xml } = element("Say", { voice: text }, text);
        const match = /^<Say voice="([^"<>]*)"(?:\/>|>([^<>]*)<\/Say>)$/s.exec(xml);
        expect(match).not.toBeNull();
        // What XML cannot hold is left out; of the rest, all comes through.
        const writable = [...text.toWellFormed()]
          .filter((character) => !/[^\t\n\r -\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.test(character))
          .join("");
        expect(readBack(match?.[1] ?? "")).toBe(writable);
        expect(readBack(match?.[2] ?? "")).toBe(writable);
      }),
    );
  });

  it("leaves out attributes that are undefined", () => {
    expect(element("Say", { language: undefined }).xml).toBe("<Say/>");
  });
});

describe("sayLanguage", () => {
  it.each([
    ["en", "en-US"],
    ["en-GB", "en-GB"],
    ["EN-gb", "en-GB"],
    ["de", "de-DE"],
    ["de-CH", "de-DE"],
    ["pt", "pt-BR"],
    ["zh", "zh-CN"],
    ["zh-Hant", "zh-TW"],
    ["zh-Hant-TW", "zh-TW"],
    ["xx", undefined],
  ])("%s is spoken as %s", (tag, locale) => {
    expect(sayLanguage(tag)).toBe(locale);
  });
});
