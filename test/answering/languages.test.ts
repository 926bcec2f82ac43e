import { describe, expect, it } from "vitest";
import { haveImported, tell } from "../support/answering.ts";
import { haveModel } from "../support/model.ts";
import { call, createKey, post } from "../support/worker.ts";

// What a caller is spoken to and heard in: by <Say>, by <Gather>, and by ConversationRelay; undefined: American English,
// or <Gather> in place of ConversationRelay.
const SPOKEN: [
  tag: string,
  say: string | undefined,
  gather: string | undefined,
  relay: string | undefined,
][] = [
  ["en", "en-US", "en-US", "en-US"],
  ["no", "nb-NO", "nb-NO", "nb-NO"],
  ["no-NO", "nb-NO", "nb-NO", "nb-NO"],
  ["nn", "nb-NO", "nb-NO", "nb-NO"],
  ["zh", "zh-CN", "cmn-Hans-CN", "zh-CN"],
  ["zh-Hant", "zh-TW", "zh-TW", "zh-TW"],
  ["zh-HK", "yue-HK", "yue-Hant-HK", undefined],
  ["es-419", "es-MX", "es-MX", "es-MX"],
  ["es-AR", "es-MX", "es-AR", "es-MX"],
  ["es-GQ", "es-ES", "es-ES", "es-ES"],
  ["en-HK", "en-GB", "en-GB", "en-GB"],
  ["en-CA", "en-CA", "en-CA", "en-US"],
  ["en-PH", "en-US", "en-PH", "en-US"],
  ["pt-AO", "pt-PT", "pt-PT", "pt-PT"],
  ["pt", "pt-BR", "pt-BR", "pt-BR"],
  ["de-CH", "de-DE", "de-DE", "de-DE"],
  ["fr-BE", "fr-BE", "fr-FR", "fr-FR"],
  ["ar", "ar-XA", "ar-EG", undefined],
  ["sr-Latn", "sr-RS", "sr-RS", undefined],
  ["pa", "pa-IN", "pa-guru-IN", undefined],
  ["cy", "cy-GB", undefined, undefined],
  ["hr", undefined, "hr-HR", undefined],
  ["tlh", undefined, undefined, undefined],
];

const languageOf = (twiml: string, name: string) =>
  new RegExp(`<${name}\\b[^>]*? language="([^"]*)"`).exec(twiml)?.[1];

describe("the language of an agent", () => {
  it.each(SPOKEN)(
    "%s is a warning to who writes it if Twilio neither speaks nor hears it",
    async (language, say, gather) => {
      const key = await createKey();
      const warnings = [
        { code: "language_not_spoken", details: { field: "language", language: expect.any(String) } },
      ];
      const isWarned = say === undefined || gather === undefined;
      const expected = isWarned ? { warnings } : {};
      const created = await post("/v1/agents", { name: "A", language }, { key });
      expect(created.status).toBe(201);
      const agent = await created.json<{ agent_id: string; warnings?: unknown }>();
      expect(agent).toMatchObject(expected);
      const changed = await call("PUT", `/v1/agents/${agent.agent_id}`, key, { language, nmae: "B" });
      const written = await changed.json<{ warnings: { code: string }[] }>();
      const codes = [...(isWarned ? ["language_not_spoken"] : []), "unknown_field"];
      expect(written.warnings.map(({ code }) => code)).toEqual(codes);
      if (!isWarned) expect(agent.warnings).toBeUndefined();
    },
  );

  it.each(["hr", "sl", "et", "ur", "fa", "sw", "ga", "mk"])(
    "%s is not taken for English without a word",
    async (language) => {
      const created = await post("/v1/agents", { name: "A", language }, { key: await createKey() });
      expect(await created.json()).toMatchObject({
        warnings: [{ code: "language_not_spoken", details: { field: "language" } }],
      });
    },
  );

  it.each(SPOKEN)("%s", async (language, say, gather, relay) => {
    haveModel();
    const imported = await haveImported({ language, welcome_message: "Hello." });
    const asked = { CallSid: `CA${"1".repeat(32)}`, From: "+15005550006", To: imported.phoneNumber };
    const twiml = async (path: string, more = {}) =>
      (await tell(imported, path, { ...asked, ...more })).text();
    const begun = await twiml("voice");
    expect(languageOf(begun, "ConversationRelay")).toBe(relay);
    if (relay === undefined) expect(begun).toContain("<Gather");
    const failed = { SessionStatus: "failed", ErrorCode: "64114" };
    const next = relay === undefined ? begun : await twiml("connect-action", failed);
    expect(languageOf(next, "Gather")).toBe(gather);
    expect(languageOf(next, "Say")).toBe(say);
  });
});
