import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { channelsOf } from "../../src/phone-numbers/channels.ts";
import { notApplied, planImport } from "../../src/phone-numbers/configuration.ts";
import { HEALTH_REASONS, type HealthReason, reasonsJson } from "../../src/phone-numbers/health.ts";
import { idInOrder, planNumber, repairsInARow } from "../../src/reconciliation/compare.ts";
import type { CheckedRow } from "../../src/reconciliation/number-store.ts";
import { nextAttempt } from "../../src/time.ts";
import type { IncomingPhoneNumber, UpdateParameter } from "../../src/twilio/incoming-phone-numbers.ts";
import { webhooksOf } from "../../src/twilio/webhook-urls.ts";

const BASE = "https://numbers.example.com";
const NOW = new Date("2026-01-31T12:00:00.000Z");
const ID = `num_${"0".repeat(48)}`;
const ACCOUNT = `twa_${"0".repeat(32)}`;
const SID = `PN${"1".repeat(32)}`;
const webhooks = webhooksOf(BASE, { accountId: ACCOUNT, phoneNumberId: ID });

const row = (fields: Partial<CheckedRow> = {}): CheckedRow => ({
  id: ID,
  twilio_account_id: ACCOUNT,
  phone_number: "+447446466847",
  external_id: null,
  label: null,
  metadata: null,
  connect_link_id: null,
  agent_id: "agent_1",
  twilio_number_sid: SID,
  channels: '["voice","sms"]',
  changing_channel: null,
  drift_policy: "repair",
  health_reasons: "[]",
  repaired_at: null,
  repairs: 0,
  warnings: "[]",
  texts_checked_at: null,
  updated_at: "2026-01-01T00:00:00.000Z",
  ...fields,
});

const inOrder: IncomingPhoneNumber = {
  sid: SID,
  phone_number: "+447446466847",
  capabilities: { voice: true, sms: true },
  voice_url: webhooks.voice,
  voice_method: "POST",
  voice_fallback_url: webhooks.voiceFallback,
  voice_fallback_method: "POST",
  voice_application_sid: "",
  voice_receive_mode: "voice",
  trunk_sid: "",
  sms_url: webhooks.sms,
  sms_method: "POST",
  sms_fallback_url: webhooks.smsFallback,
  sms_fallback_method: "POST",
  sms_application_sid: "",
  status_callback: webhooks.status,
  status_callback_method: "POST",
};

function plan(change: Partial<IncomingPhoneNumber>, fields: Partial<CheckedRow> = {}) {
  return planNumber(row(fields), { ...inOrder, ...change }, BASE, NOW);
}

const minutesAgo = (minutes: number) => new Date(NOW.getTime() - minutes * 60_000).toISOString();

describe("what is found of a number", () => {
  it.each<[Partial<IncomingPhoneNumber>, HealthReason[], Record<string, string>]>([
    [{}, [], {}],
    [{ voice_method: "", voice_receive_mode: "", voice_url: webhooks.voice.replace(/#.*/, "#rc=2") }, [], {}],
    [{ voice_url: "https://a.example" }, ["url_mismatch"], { VoiceUrl: webhooks.voice }],
    [
      { sms_url: "", status_callback: "" },
      ["url_mismatch"],
      { SmsUrl: webhooks.sms, StatusCallback: webhooks.status },
    ],
    [{ voice_method: "GET" }, ["wrong_method"], { VoiceMethod: "POST" }],
    [{ trunk_sid: "TK1" }, ["overridden_by_trunk"], { TrunkSid: "" }],
    [{ voice_application_sid: "AP1" }, ["overridden_by_application"], { VoiceApplicationSid: "" }],
    [{ sms_application_sid: "AP1" }, ["overridden_by_application"], { SmsApplicationSid: "" }],
    [{ voice_fallback_url: "" }, ["fallback_missing"], { VoiceFallbackUrl: webhooks.voiceFallback }],
    [{ voice_receive_mode: "fax" }, ["receives_fax"], { VoiceReceiveMode: "voice" }],
    [
      { trunk_sid: "TK1", voice_url: "", sms_method: "GET" },
      ["overridden_by_trunk", "url_mismatch", "wrong_method"],
      { TrunkSid: "", VoiceUrl: webhooks.voice, SmsMethod: "POST" },
    ],
    [{ capabilities: { sms: false }, sms_url: "" }, [], {}],
  ])("%j: %j", (change, reasons, update) => {
    const finding = plan(change);
    expect([finding.reasons, finding.update]).toEqual([reasons, update]);
    expect(finding.action).toBe(reasons.length === 0 ? "none" : "repair");
  });

  it.each<[string, string | null, Partial<IncomingPhoneNumber>, string[]]>([
    ['["voice"]', null, { sms_url: "https://a.example", voice_url: "" }, ["voice"]],
    ['["sms"]', null, { sms_url: "https://a.example", trunk_sid: "TK1", status_callback: "" }, ["sms"]],
    ['["voice","sms"]', "sms", { sms_url: "https://a.example", status_callback: "" }, ["voice"]],
    ['["voice","sms"]', null, { sms_method: "GET", trunk_sid: "TK1" }, ["voice", "sms"]],
    ['["sms"]', null, { trunk_sid: "TK1", voice_url: "" }, []],
  ])("is compared by its channels only: %s, changing %s", (channels, changing, change, expected) => {
    const changing_channel = changing as CheckedRow["changing_channel"];
    const finding = plan(change, { channels, changing_channel });
    expect(finding.channels).toEqual(expected);
    expect(channelsOf(Object.keys(finding.update) as UpdateParameter[])).toEqual(expected);
  });

  it("is missing where the account does not have it", () => {
    const finding = planNumber(row(), undefined, BASE, NOW);
    expect(finding).toMatchObject({ reasons: ["number_missing"], action: "report", update: {} });
  });

  it("is only reported where its owner wants no repair", () => {
    expect(plan({ voice_url: "" }, { drift_policy: "report" })).toMatchObject({ action: "report" });
  });

  const contested: [string, Partial<CheckedRow>, boolean][] = [
    ["twice repaired", { repairs: 2, repaired_at: minutesAgo(60) }, false],
    ["three times, an hour ago", { repairs: 3, repaired_at: minutesAgo(60) }, true],
    ["three times, but long ago", { repairs: 3, repaired_at: minutesAgo(91) }, false],
    ["found contested before", { health_reasons: '["url_mismatch","repair_contested"]' }, true],
  ];
  it.each(contested)("is left alone where somebody fights us: %s", (_, fields, isContested) => {
    const finding = plan({ voice_url: "" }, fields);
    expect(finding.action).toBe(isContested ? "report" : "repair");
    expect(finding.reasons).toEqual(isContested ? ["url_mismatch", "repair_contested"] : ["url_mismatch"]);
  });

  it("has no SMS side where Twilio has said so", () => {
    const change = { capabilities: null, sms_url: "", sms_fallback_url: "", sms_application_sid: "AP1" };
    expect(plan(change, { channels: '["voice"]' })).toMatchObject({ reasons: [], action: "none" });
    expect(plan({ ...change, voice_url: "" }, { channels: '["voice"]' }).update).toEqual({
      VoiceUrl: webhooks.voice,
    });
  });

  it("comes to an end: what is planned is what a repair leaves in order", () => {
    const text = fc.constantFrom("", "https://a.example/x", "GET", "POST", "fax", "voice");
    const changes = fc.record(
      Object.fromEntries(
        Object.keys(inOrder)
          .filter((name) => !/sid$|number|capab/.test(name))
          .map((name) => [name, text]),
      ),
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(changes, (change) => {
        const number = { ...inOrder, ...change };
        const { update, action } = plan(change);
        const wanted = planImport(number, webhooks);
        expect(action === "none").toBe(notApplied(number, wanted).length === 0);
        for (const [parameter, value] of Object.entries(update)) {
          expect(wanted[parameter as keyof typeof wanted]).toBe(value);
        }
        expect(Object.keys(update).sort()).toEqual(notApplied(number, wanted).sort());
      }),
    );
  });
});

describe("repairs in a row", () => {
  it("count on where they come soon after one another", () => {
    expect(repairsInARow(row(), NOW)).toBe(1);
    expect(repairsInARow(row({ repairs: 1, repaired_at: minutesAgo(60) }), NOW)).toBe(2);
    expect(repairsInARow(row({ repairs: 2, repaired_at: minutesAgo(91) }), NOW)).toBe(1);
  });
});

describe("health", () => {
  it("is the gravest reason", () => {
    expect(reasonsJson([])).toBe("[]");
    expect(reasonsJson(["wrong_method", "overridden_by_trunk"])).toBe(
      '["overridden_by_trunk","wrong_method"]',
    );
    expect(reasonsJson([...HEALTH_REASONS].reverse())).toBe(JSON.stringify(HEALTH_REASONS));
  });
});

describe("the id in a number's webhooks", () => {
  it("is told only where everything is in order", () => {
    expect(idInOrder(inOrder, '["voice","sms"]', ACCOUNT, BASE)).toBe(ID);
    const former = { ...inOrder, voice_url: webhooks.voice.replace(/#.*/, "") };
    expect(idInOrder(former, '["voice","sms"]', ACCOUNT, BASE)).toBe(ID);
    const elsewhere = { ...inOrder, voice_url: "https://a.example" };
    expect(idInOrder(elsewhere, '["sms"]', ACCOUNT, BASE)).toBe(ID);
    expect(idInOrder({ ...inOrder, sms_url: "" }, '["voice"]', ACCOUNT, BASE)).toBe(ID);
    expect(idInOrder(elsewhere, '["voice"]', ACCOUNT, BASE)).toBeUndefined();
    expect(idInOrder({ ...inOrder, trunk_sid: "TK1" }, '["voice","sms"]', ACCOUNT, BASE)).toBeUndefined();
    expect(idInOrder({ ...inOrder, voice_url: "" }, '["voice","sms"]', ACCOUNT, BASE)).toBeUndefined();
    expect(idInOrder(inOrder, '["voice","sms"]', ACCOUNT, "https://moved.example.com")).toBeUndefined();
    expect(idInOrder(inOrder, '["voice","sms"]', "twa_another", BASE)).toBeUndefined();
  });
});

describe("the next check", () => {
  it.each([
    [0, 50],
    [1, 100],
    [2, 200],
    [4, 800],
    [5, 1440],
    [50, 1440],
  ])("after %i failures is in %i minutes", (failures, minutes) => {
    expect(nextAttempt(failures, 50 * 60_000, NOW).getTime() - NOW.getTime()).toBe(minutes * 60_000);
  });
});
