import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { DEFAULTS } from "../../src/agents/talk.ts";
import { briefed } from "../../src/answering/outbound.ts";
import { sealBrief } from "../../src/call-log/attempt.ts";
import { createVault } from "../../src/vault/vault.ts";

const SID = `CA${"1".repeat(32)}`;
const OTHER_SID = `CA${"2".repeat(32)}`;
const HOUR_MS = 60 * 60 * 1_000;

const newLog = () => env.CALL_LOG.getByName(crypto.randomUUID());
const attempt = (id: string, holder = id, kind: "call" | "sms" = "call") => ({
  id,
  kind,
  holder,
  externalId: null,
  briefSealed: "x",
});

describe("a call log", () => {
  it("begins an attempt once, and again for whoever lost the answer", async () => {
    const log = newLog();
    expect(await log.begin(attempt("a"), 10)).toEqual({ kind: "begun" });
    expect(await log.begin(attempt("a"), 10)).toEqual({ kind: "begun" });
    expect(await log.begin(attempt("a", "another request"), 10)).toMatchObject({
      kind: "known",
      attempt: { sid: null, state: "placing" },
    });
    await log.forget("a");
    expect(await log.begin(attempt("a", "another request"), 10)).toEqual({ kind: "begun" });
  });

  it("counts calls that run, not texts, nor calls that have ended", async () => {
    const log = newLog();
    expect(await log.begin(attempt("text", "text", "sms"), null)).toEqual({ kind: "begun" });
    expect(await log.begin(attempt("a"), 2)).toEqual({ kind: "begun" });
    expect(await log.begin(attempt("b"), 2)).toEqual({ kind: "begun" });
    expect(await log.begin(attempt("c"), 2)).toEqual({ kind: "limit", live: 2 });
    await log.note("a", { sid: SID, state: "live" });
    expect(await log.begin(attempt("c"), 2)).toEqual({ kind: "limit", live: 2 });
    await log.note("a", { sid: SID, state: "ended" });
    // Twilio's reports come in any order.
    await log.note("a", { sid: SID, state: "live" });
    expect(await log.begin(attempt("c"), 2)).toEqual({ kind: "begun" });
  });

  it("takes a guess only if it can be nobody else's", async () => {
    const log = newLog();
    await log.begin(attempt("a"), 10);
    await log.begin(attempt("b"), 10);
    const guess = { sid: SID, isGuess: true, state: "live" } as const;
    expect(await log.note("a", guess)).toBe(false);
    await log.note("b", { sid: OTHER_SID, state: "live" });
    expect(await log.note("a", { ...guess, sid: OTHER_SID })).toBe(false);
    expect(await log.note("a", guess)).toBe(true);
    expect(await log.begin(attempt("a", "again"), 10)).toMatchObject({
      attempt: { sid: SID, state: "live" },
    });
  });

  it("believes what is certain rather than a guess, in either order", async () => {
    const log = newLog();
    await log.begin(attempt("a"), 10);
    await log.note("a", { sid: SID, isGuess: true });
    await log.begin(attempt("b"), 10);
    await log.note("b", { sid: SID });
    expect(await log.begin(attempt("a", "again"), 10)).toMatchObject({ attempt: { sid: null } });
    await log.note("a", { sid: OTHER_SID });
    await log.note("a", { sid: `CA${"3".repeat(32)}`, isGuess: true });
    expect(await log.begin(attempt("a", "again"), 10)).toMatchObject({ attempt: { sid: OTHER_SID } });
  });

  it("keeps attempts for longer than a key is kept, then nothing", async () => {
    const log = newLog();
    await log.begin(attempt("old"), 10);
    await runInDurableObject(log, (_, state) => {
      state.storage.sql.exec("UPDATE attempts SET created_at = created_at - ?1", 24 * HOUR_MS);
    });
    await log.begin(attempt("new"), 10);
    await runDurableObjectAlarm(log);
    expect(await log.find("old")).not.toBeNull();
    await runInDurableObject(log, (_, state) => {
      state.storage.sql.exec(
        "UPDATE attempts SET created_at = created_at - ?1 WHERE id = 'old'",
        2 * HOUR_MS,
      );
    });
    await runDurableObjectAlarm(log);
    expect(await log.find("old")).toBeNull();
    expect(await log.find("new")).toMatchObject({ voicemail: null });
    await runInDurableObject(log, (_, state) => {
      state.storage.sql.exec("UPDATE attempts SET created_at = 0; UPDATE days SET day = '2020-01-01'");
    });
    await runDurableObjectAlarm(log);
    expect(await runInDurableObject(log, (_, state) => state.storage.getAlarm())).toBeNull();
    expect(await log.begin(attempt("a"), 1)).toEqual({ kind: "begun" });
  });

  it("frees the place of a call of which nothing more was heard", async () => {
    const log = newLog();
    await log.begin(attempt("a"), 1);
    await runInDurableObject(log, (_, state) => {
      state.storage.sql.exec("UPDATE attempts SET created_at = created_at - ?1", 6 * 60_000);
    });
    expect(await log.begin(attempt("b"), 1)).toEqual({ kind: "begun" });
    await log.note("b", { sid: SID, state: "live" });
    await runInDurableObject(log, (_, state) => {
      state.storage.sql.exec("UPDATE attempts SET created_at = created_at - ?1", 5 * HOUR_MS);
    });
    expect(await log.begin(attempt("c"), 1)).toEqual({ kind: "begun" });
  });

  it("holds no telephone number and no prompt in the clear", async () => {
    const vault = createVault(env.TOKEN_ENCRYPTION_KEYS);
    const brief = {
      from: "+1",
      to: "+2",
      prompt: "Ask Ada.",
      dynamicVars: {},
      welcomeMessage: null,
      aiSpeaksFirst: null,
      voicemailMessage: null,
    };
    const sealed = await sealBrief(vault, "call_1", brief);
    expect(sealed).toMatch(/^v1\./);
    await expect(vault.open(sealed, "call_log.brief/call_2")).rejects.toThrow("does not open");
  });
});

describe("what a call is placed with", () => {
  it("adds the prompt to the agent's, and leaves the rest", () => {
    const agent = {
      ...{ systemPrompt: null, welcomeMessage: "{{x}}", language: "de" },
      talk: DEFAULTS,
    } as Parameters<typeof briefed>[0];
    const brief = {
      from: "+1",
      to: "+2",
      prompt: "Ask.",
      dynamicVars: {},
      welcomeMessage: null,
      aiSpeaksFirst: null,
      voicemailMessage: null,
    };
    expect(briefed(agent, brief)).toMatchObject({
      systemPrompt: "Ask.",
      welcomeMessage: "{{x}}",
      language: "de",
    });
    expect(briefed({ ...agent, systemPrompt: "Be kind." }, brief).systemPrompt).toBe("Be kind.\n\nAsk.");
  });
});
