import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Channel,
  heldChannels,
  ofChannels,
  supportedChannels,
  takenChannels,
} from "../../src/phone-numbers/channels.ts";
import { notApplied, planImport, planRestore, previousOf } from "../../src/phone-numbers/configuration.ts";
import {
  FIELD_OF,
  type IncomingPhoneNumber,
  type NumberUpdate,
  UPDATE_PARAMETERS,
} from "../../src/twilio/incoming-phone-numbers.ts";
import { ownUrls, webhooksOf } from "../../src/twilio/webhook-urls.ts";
import { createNumberResource, type NumberResource } from "../twilio-simulator/resource.ts";
import { addApplication, createState } from "../twilio-simulator/state.ts";
import { updateNumber } from "../twilio-simulator/update.ts";

const BASE = "https://numbers.example.com";
const webhooks = webhooksOf(BASE, { accountId: "twa_1", phoneNumberId: "num_1" });
const isOurs = ownUrls([BASE], "num_1");

const state = createState();
const application = addApplication(state);

function resource(fields: Partial<NumberResource> = {}): NumberResource {
  return createNumberResource({ account_sid: "AC1", sid: "PN1", phone_number: "+447446466847", ...fields });
}

/** A resource as the Twilio client hands it on: unset fields are "". */
function read(number: NumberResource): IncomingPhoneNumber {
  const entries = Object.entries(number).map(([name, value]) => [name, value ?? ""]);
  return Object.fromEntries(entries) as unknown as IncomingPhoneNumber;
}

/** All that an update can say, as the number has it. */
const updateOf = (number: NumberResource): NumberUpdate =>
  Object.fromEntries(UPDATE_PARAMETERS.map((parameter) => [parameter, number[FIELD_OF[parameter]] ?? ""]));

const apply = (number: NumberResource, update: object) =>
  updateNumber(state, number, new URLSearchParams(update as Record<string, string>));

/** A URL without connection overrides. */
const plain = (text: string) => text.replace(/#.*/, "");

const url = fc.constantFrom("", "https://owner.example.com/a", "https://owner.example.com/b?c=d#rc=2");
const method = fc.constantFrom("GET", "POST");
const binding = fc.constantFrom<Partial<NumberResource>>(
  {},
  { trunk_sid: `TK${"0".repeat(32)}` },
  { voice_application_sid: application.sid },
);

/** Whatever the owner of a number may have configured. Twilio has no fallback without a main URL. */
const configured = fc
  .record({
    voice_url: url,
    voice_method: method,
    voice_fallback_url: url,
    voice_fallback_method: method,
    voice_receive_mode: fc.constantFrom("voice", "fax"),
    sms_url: url,
    sms_method: method,
    sms_fallback_url: url,
    sms_fallback_method: method,
    sms_application_sid: fc.constantFrom("", application.sid),
    status_callback: url,
    status_callback_method: method,
    binding,
    canText: fc.boolean(),
  })
  .map(({ binding, canText, ...fields }) => {
    const sms = canText
      ? {}
      : {
          sms_url: "",
          sms_fallback_url: "",
          sms_application_sid: "",
          sms_method: "POST",
          sms_fallback_method: "POST",
        };
    const withSms = { ...fields, ...sms };
    return resource({
      ...withSms,
      voice_fallback_url: fields.voice_url && fields.voice_fallback_url,
      sms_fallback_url: withSms.sms_url && withSms.sms_fallback_url,
      capabilities: { voice: true, sms: canText, mms: canText, fax: true },
      ...binding,
    });
  });

const relevant = (number: NumberResource) => {
  const { date_updated: _, ...fields } = read(number) as unknown as Record<string, unknown>;
  // A method means nothing where there is no URL.
  return Object.fromEntries(
    Object.entries(fields).filter(
      ([name]) => !name.endsWith("_method") || fields[name.replace("_method", "_url")] !== "",
    ),
  );
};

describe("an import and its undoing", () => {
  it("takes effect, and then gives back exactly what was there", () => {
    fc.assert(
      fc.property(configured, (number) => {
        const before = relevant(number);
        const previous = previousOf(read(number), isOurs);
        const update = planImport(read(number), webhooks);
        apply(number, update);
        expect(notApplied(read(number), update)).toEqual([]);
        apply(number, planRestore(read(number), previous, isOurs));
        const { status_callback_method: _, ...after } = relevant(number);
        const { status_callback_method: __, ...wanted } = before;
        expect(after).toEqual(wanted);
      }),
    );
  });

  it("gives back the same where Twilio does not repeat our connection overrides", () => {
    fc.assert(
      fc.property(configured, (number) => {
        const update = planImport(read(number), webhooks);
        const previous = previousOf(read(number), isOurs);
        apply(number, update);
        const forgetful = structuredClone(number);
        for (const field of ["voice_url", "voice_fallback_url", "sms_url", "status_callback"] as const) {
          if (isOurs(forgetful[field] ?? "")) forgetful[field] = plain(forgetful[field] ?? "");
        }
        expect(planRestore(read(forgetful), previous, isOurs)).toEqual(
          planRestore(read(number), previous, isOurs),
        );
      }),
    );
  });

  it("keeps none of our own URLs as previous, however often it is repeated", () => {
    fc.assert(
      fc.property(configured, fc.integer({ min: 1, max: 4 }), (number, repetitions) => {
        const first = previousOf(read(number), isOurs);
        let previous = first;
        for (let round = 0; round < repetitions; round += 1) {
          apply(
            number,
            planImport(read(number), webhooksOf(BASE, { accountId: "twa_1", phoneNumberId: `num_${round}` })),
          );
          previous = previousOf(read(number), isOurs, previous);
        }
        expect(previous).toEqual(first);
        expect(JSON.stringify(previous)).not.toContain(BASE);
      }),
    );
  });

  it("says and sends nothing of a channel that is not taken over", () => {
    fc.assert(
      fc.property(configured, fc.constantFrom<Channel>("voice", "sms"), (number, channel) => {
        const ofOther = (of: NumberResource) =>
          ofChannels(updateOf(of), [channel === "sms" ? "voice" : "sms"]);
        const before = ofOther(number);
        const previous = previousOf(read(number), isOurs);
        apply(number, planImport(read(number), webhooks, [channel]));
        expect(ofOther(number)).toEqual(before);
        apply(number, planRestore(read(number), previous, isOurs, [channel]));
        expect(ofOther(number)).toEqual(before);
        // Both were ours: only the one is restored.
        apply(number, planImport(read(number), webhooks));
        const ours = ofOther(number);
        apply(number, planRestore(read(number), previous, isOurs, [channel]));
        expect(ofOther(number)).toEqual(ours);
      }),
    );
  });

  it("touches nothing of a number that does not point here", () => {
    fc.assert(
      fc.property(configured, configured, (number, previous) => {
        expect(planRestore(read(number), read(previous), isOurs)).toEqual({});
      }),
    );
  });
});

describe("previousOf", () => {
  it("is nothing for a number that points here without anybody knowing why", () => {
    const number = resource();
    apply(number, planImport(read(number), webhooks));
    const previous = previousOf(read(number), isOurs);
    expect(
      previous.voice_url + previous.voice_fallback_url + previous.sms_url + previous.status_callback,
    ).toBe("");
  });

  it.each<[string, Partial<NumberResource>, Partial<NumberResource>]>([
    ["a trunk", { trunk_sid: "TK2" }, { trunk_sid: "TK2", voice_application_sid: "" }],
    ["an app", { voice_application_sid: "AP2" }, { voice_application_sid: "AP2", trunk_sid: "" }],
    ["fax", { voice_receive_mode: "fax" }, { voice_receive_mode: "fax", trunk_sid: "TK1" }],
    ["an SMS app", { sms_application_sid: "AP3" }, { sms_application_sid: "AP3" }],
    ["another SMS URL", { sms_url: "https://new.example.com" }, { sms_url: "https://new.example.com" }],
  ])("keeps %s that the owner added after our unfinished import", (_, added, expected) => {
    const first = previousOf(read(resource({ trunk_sid: "TK1" })), isOurs);
    const number = resource();
    apply(number, planImport(read(number), webhooks));
    Object.assign(number, added);
    expect(previousOf(read(number), isOurs, first)).toMatchObject(expected);
  });
});

describe("planRestore", () => {
  it("leaves alone what the owner has re-pointed since, field by field", () => {
    const owner = resource({ voice_url: "https://old.example.com", trunk_sid: "TK1" });
    const previous = previousOf(read(owner), isOurs);
    apply(owner, planImport(read(owner), webhooks));
    Object.assign(owner, { voice_url: "https://new.example.com" });
    const update = planRestore(read(owner), previous, isOurs);
    expect(update).not.toHaveProperty("TrunkSid");
    // The fallback is still ours; it cannot be cleared without naming the main URL, which stays.
    expect(update).toMatchObject({ VoiceUrl: "https://new.example.com", VoiceFallbackUrl: "" });
  });

  it("does not bind again what the owner has bound anew", () => {
    const owner = resource({ trunk_sid: "TK1" });
    const previous = previousOf(read(owner), isOurs);
    apply(owner, planImport(read(owner), webhooks));
    Object.assign(owner, { voice_application_sid: "AP9" });
    expect(planRestore(read(owner), previous, isOurs)).not.toHaveProperty("TrunkSid");
  });
});

describe("notApplied", () => {
  const update = planImport(read(resource()), webhooks);
  const applied = resource();
  apply(applied, update);

  it.each<[string, Partial<NumberResource>, string[]]>([
    ["nothing", {}, []],
    ["a trunk that is still set", { trunk_sid: "TK1" }, ["TrunkSid"]],
    ["an app that is still set", { voice_application_sid: "AP1" }, ["VoiceApplicationSid"]],
    ["fax", { voice_receive_mode: "fax" }, ["VoiceReceiveMode"]],
    ["an old URL", { voice_url: "https://old.example.com" }, ["VoiceUrl"]],
    ["GET", { voice_method: "GET" }, ["VoiceMethod"]],
    ["no URL", { sms_url: "" }, ["SmsUrl"]],
  ])("finds %s", (_, fields, expected) => {
    expect(notApplied(read({ ...applied, ...fields }), update)).toEqual(expected);
  });

  it.each<[string, Partial<NumberResource>]>([
    ["null for unset", { trunk_sid: null, voice_application_sid: null }],
    ["a lower-case method", { voice_method: "post" }],
    ["a URL with other connection overrides", { sms_url: `${plain(webhooks.sms)}#rc=5` }],
    [
      "URLs without any, if Twilio does not repeat them",
      {
        voice_url: plain(webhooks.voice),
        voice_fallback_url: plain(webhooks.voiceFallback),
        sms_url: plain(webhooks.sms),
        sms_fallback_url: plain(webhooks.smsFallback),
        status_callback: plain(webhooks.status),
      },
    ],
    ["no word about the receive mode", { voice_receive_mode: "" }],
  ])("lets pass %s", (_, fields) => {
    expect(notApplied(read({ ...applied, ...fields }), update)).toEqual([]);
  });
});

describe("the channels of a row", () => {
  it.each<[string, Channel | null, Channel[], Channel[]]>([
    ['["voice","sms"]', null, ["voice", "sms"], ["voice", "sms"]],
    ['["voice"]', null, ["voice"], ["voice"]],
    ['["voice","sms"]', "sms", ["voice"], ["voice", "sms"]],
    ['["voice"]', "sms", ["voice"], ["voice", "sms"]],
    ['["sms"]', "voice", ["sms"], ["voice", "sms"]],
  ])("%s, changing %s: %j are taken, %j may point here", (channels, changing_channel, taken, held) => {
    expect(takenChannels({ channels, changing_channel })).toEqual(taken);
    expect(heldChannels({ channels, changing_channel })).toEqual(held);
  });

  it.each<[IncomingPhoneNumber["capabilities"], Channel[]]>([
    [null, ["voice", "sms"]],
    [{}, ["voice", "sms"]],
    [{ voice: null, sms: false }, ["voice"]],
    [{ voice: false }, ["sms"]],
    [{ voice: false, sms: false }, []],
  ])("can be, with capabilities %j: %j", (capabilities, channels) => {
    expect(supportedChannels({ capabilities })).toEqual(channels);
  });
});
