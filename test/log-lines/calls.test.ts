import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { endRotation } from "../../src/answering/after-answer.ts";
import { endRefusal, raiseRefused } from "../../src/answering/refusals.ts";
import type { InboundRoute } from "../../src/answering/route.ts";
import type { TrustedRequest } from "../../src/answering/trusted-request.ts";
import { relayRefused } from "../../src/answering/unusable.ts";
import { noteVoicemailLeft } from "../../src/answering/voicemail.ts";
import type { OpenOrder } from "../../src/bulk-imports/order.ts";
import { openAccount } from "../../src/bulk-imports/work.ts";
import { tellNear } from "../../src/call-log/near.ts";
import { readConfig } from "../../src/config.ts";
import { createLogger } from "../../src/http/log.ts";
import { countTokens, createServices, mayTake } from "../../src/services.ts";
import { haveImported, type Imported, tell } from "../support/answering.ts";
import { startCustomer } from "../support/customer.ts";
import { brokenDatabase } from "../support/database.ts";
import { allowAllErrors, logLines } from "../support/logs.ts";
import { haveModel } from "../support/model.ts";
import { twilio } from "../support/twilio.ts";
import { bindings, call, post, rows } from "../support/worker.ts";
import { effects } from "../twilio-simulator/faults.ts";

// The lines about calls, texts and events that first aid and the page of warnings explain.

const CALL_SID = `CA${"1".repeat(32)}`;

/** Objects that do not answer, or not if they are called by this method. */
function silent<Namespace extends Env["CALL_LOG"] | Env["CONVERSATIONS"] | Env["EVENT_OUTBOX"]>(
  namespace: Namespace,
  method?: string,
): Namespace {
  const getByName = (name: string) =>
    new Proxy(namespace.getByName(name), {
      get: (stub, called) =>
        called === "then" || (method !== undefined && called !== method)
          ? Reflect.get(stub, called)
          : async () => {
              throw new Error("Network connection lost.");
            },
    });
  return { getByName } as unknown as Namespace;
}
const withoutLog = (method?: string) => ({ CALL_LOG: silent(env.CALL_LOG, method) });

const FAST = { DEFAULT_LIMITS: '{"calls_per_second":100,"allowed_countries":["*"]}' };

const place = ({ key, agentId }: Imported, more: object, overrides: Partial<Env> = {}) =>
  post(
    "/v1/calls/outbound",
    { agent_id: agentId, to_number: "+15005550009", ...more },
    { key, env: { ...FAST, ...overrides } },
  );
const text = ({ key, agentId }: Imported, overrides: Partial<Env> = {}) =>
  post(
    "/v1/sms",
    { agent_id: agentId, to: "+15005550009", message: "Hello" },
    { key, env: { ...FAST, ...overrides } },
  );
const pathOfCall = () =>
  /(calls\/call_[0-9a-f]{32})\//.exec(twilio.state.calls[0]?.form.get("Url") ?? "")?.[1] ?? "";
const ring = (imported: Imported, overrides: Partial<Env> = {}, path = "voice") =>
  tell(imported, path, { CallSid: CALL_SID, From: "+15005550006" }, { env: overrides });
const withoutD1 = { DB: brokenDatabase };

/** Services of which some do not answer. */
function services(overrides: Partial<Env>) {
  const work: Promise<unknown>[] = [];
  const all = createServices(
    { ...bindings, ...overrides },
    readConfig(env),
    createLogger({}),
    (deferred) => void work.push(deferred),
  );
  return { all, settled: () => Promise.all(work) };
}

const ALLOWANCE = {
  name: "texts_per_day",
  limit: 5,
  used: 4,
  resets_at: "2027-01-01T00:00:00.000Z",
} as const;
const NO_TURNS = { calls_per_day: null, texts_per_day: null, model_turns_per_day: 0 };
const VOICEMAIL = { machine_detection: "DetectMessageEnd", voicemail_message: "Please call back." };

type Prepared = Imported & { route: InboundRoute };

const LINES: Record<string, (prepared: Prepared) => Promise<unknown>> = {
  call_not_logged: (imported) => ring(imported, withoutLog()),
  text_not_counted: (imported) => tell(imported, "sms", { MessageSid: "SM1" }, { env: withoutLog() }),
  call_not_counted: ({ key }) => mayTake("turn", key.key_id, NO_TURNS, services(withoutLog()).all),
  limit_reached_in_call: ({ key }) => mayTake("turn", key.key_id, NO_TURNS, services({}).all),
  tokens_not_counted: async ({ key }) => {
    const { all, settled } = services(withoutLog());
    countTokens(key.key_id, 5, all);
    await settled();
  },
  limit_near_not_told: ({ key }) => tellNear(key.key_id, ALLOWANCE, services(withoutD1).all),
  conversation_lost: (imported) => {
    haveModel();
    return ring(imported, { CONVERSATIONS: silent(env.CONVERSATIONS) }, "gather");
  },
  brief_not_read: async (imported) => {
    await place(imported, {});
    return ring(imported, withoutLog(), `${pathOfCall()}/voice-fallback`);
  },
  voicemail_not_left: async (imported) => {
    await place(imported, VOICEMAIL);
    twilio.faults.add({ operation: "update_call", effect: effects.serverErrorHtml, times: null });
    await twilio.dial({ answers: "machine" });
  },
  sid_not_noted: (imported) => text(imported, withoutLog("note")),
  attempt_not_forgotten: (imported) => {
    twilio.faults.add({ operation: "message", effect: effects.invalidUrl });
    return text(imported, withoutLog("forget"));
  },
  messaging_service_not_found_out: (imported) => {
    twilio.faults.add({ operation: "services", effect: effects.serverErrorHtml, times: null });
    return text(imported);
  },
  fallback_of_the_fallback: (imported) => ring(imported, withoutD1, "voice-fallback"),
  sign_of_life_not_written: async (imported) => {
    await tell(imported, "status", { CallSid: CALL_SID, CallStatus: "completed" });
    await ring(imported, withoutD1);
  },
  refusal_not_raised: ({ route }) => raiseRefused(route, "signatures_refused", services(withoutD1).all),
  refusal_not_ended: ({ route }) => endRefusal(route, "signature_verified", services(withoutD1).all),
  rotation_not_ended: ({ route }) => endRotation(route, services(withoutD1).all),
  refusal_not_told: ({ route }) => relayRefused(route, "64101", services(withoutD1).all),
  voicemail_not_noted: ({ route }) => {
    const outbound = { id: "call_1" } as InboundRoute["outbound"];
    const request = { route: { ...route, outbound } } as TrustedRequest;
    return noteVoicemailLeft(request, services(withoutLog()).all);
  },
  outbox_not_told: ({ key }) =>
    call("POST", "/v1/webhooks/secret", key, undefined, { env: { EVENT_OUTBOX: silent(env.EVENT_OUTBOX) } }),
  bulk_work_failed: () => openAccount({ accountSid: "" } as OpenOrder, services({}).all),
};

describe("the log says of calls and texts", () => {
  it.each(Object.entries(LINES))("%s", async (event, provoke) => {
    allowAllErrors();
    const imported = await haveImported({ webhook_url: startCustomer().url });
    const [row] = await rows<{ twilio_account_id: string }>("phone_numbers");
    const route = {
      apiKeyId: imported.key.key_id,
      accountId: row?.twilio_account_id,
      accountSid: imported.account.sid,
      phoneNumberId: imported.id,
      accountReasons: "[]",
      tokenChangedAt: null,
    } as InboundRoute;
    await provoke({ ...imported, route });
    expect(logLines()).toContainEqual(expect.objectContaining({ event }));
  });
});
