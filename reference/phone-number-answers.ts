import * as z from "zod/mini";
import type { ErrorCode } from "../src/http/errors.ts";
import { CHANNELS } from "../src/phone-numbers/channels.ts";
import { HEALTH_REASONS } from "../src/phone-numbers/health.ts";
import { CHANNEL_OUTCOMES } from "../src/phone-numbers/release/plan.ts";
import { ACCOUNT_SID, AGENT_ID, NUMBER, NUMBER_SID, TIME } from "./examples.ts";
import { answered, exampleOf, time, warnings } from "./operation.ts";
import { ownEntry, ownExample } from "./phone-number-own.ts";

// The answers about numbers, which serialise.ts makes. The answer of a dry run is in phone-number-preview.ts.

const healthReason = z.enum(HEALTH_REASONS);
export const health = z.enum(["ok", ...HEALTH_REASONS]);

export const phoneNumber = answered(z.string(), "The number in E.164.", NUMBER);
export const numberSid = answered(
  z.string().check(z.regex(/^PN[0-9a-fA-F]{32}$/)),
  "The number's SID at Twilio.",
  NUMBER_SID,
);
const inboundEnabled = answered(z.boolean(), "Whether this service answers its calls and texts.");
const outboundEnabled = answered(
  z.boolean(),
  "Whether this service calls and texts from it. If not, POST /v1/calls and POST /v1/sms answer outbound_disabled.",
);

export const importedNumber = z
  .object({
    phone_number: phoneNumber,
    agent_id: answered(
      z.nullable(z.string()),
      "The agent that answers it; null if somebody deleted that agent by force during the import.",
      AGENT_ID,
    ),
    twilio_number_sid: numberSid,
    inbound_enabled: inboundEnabled,
    outbound_enabled: outboundEnabled,
  })
  .check(z.meta({ id: "ImportedNumber", description: "A number that was just imported." }));

const answering = { inbound_enabled: true, outbound_enabled: true };

export const importedExample = exampleOf(importedNumber, answering);

export const numberEntry = z
  .object({
    phone_number: phoneNumber,
    agent_id: answered(
      z.nullable(z.string()),
      "The agent that answers it; null if somebody deleted that agent by force, so that no agent answers.",
      AGENT_ID,
    ),
    twilio_number_sid: numberSid,
    inbound_enabled: inboundEnabled,
    outbound_enabled: outboundEnabled,
    channels: answered(
      z.array(z.enum(CHANNELS)),
      "What this service has taken over of what comes in. Fields of the other channel at Twilio are not touched.",
      [...CHANNELS],
    ),
    provider: answered(z.literal("twilio"), "Always `twilio`."),
    twilio_sid: answered(z.string(), "The Twilio account it was imported from.", ACCOUNT_SID),
    region: answered(z.string(), "The Twilio Region whose credentials and settings count for it.", "us1"),
    health: answered(
      health,
      "The result of the last check: the most serious of `health_reasons`, or `ok`.",
      "ok",
    ),
    health_reasons: answered(
      z.array(healthReason),
      "Everything that the last check found wrong; empty if `ok`.",
    ),
    warnings: answered(
      warnings._zod.def.innerType,
      "What keeps its texts from arriving in the United States, though its health may be `ok`: `a2p_unregistered`, `a2p_pending`, " +
        "`tollfree_unverified` or `tollfree_pending`. Empty if there is nothing, or Twilio does not say.",
    ),
    drift_policy: answered(
      z.enum(["repair", "report"]),
      "`repair`: a change that somebody makes at Twilio is undone. `report`: it is only reported.",
    ),
    ...ownEntry,
    connect_link_id: answered(
      z.nullable(z.string()),
      "By which connect link its owner brought it; null: by none.",
    ),
    checked_at: z.nullable(time("When it was last checked; null if never")),
    texts_checked_at: z.nullable(
      time("When Twilio was last asked for that, which is once a week; null if never, as in other countries"),
    ),
    first_inbound_at: z.nullable(time("When its first call or text came in; null if none has")),
    last_inbound_at: z.nullable(time("When its last call or text came in, to the hour; null if none has")),
    created_at: time("When it was imported"),
    updated_at: time("When it was last changed here"),
  })
  .check(z.meta({ id: "PhoneNumber", description: "An imported number." }));

export const entryExample = exampleOf(numberEntry, {
  ...answering,
  drift_policy: "repair",
  ...ownExample,
  first_inbound_at: TIME,
  last_inbound_at: TIME,
});

const outcome = z.enum(CHANNEL_OUTCOMES);

/** Why a number could not be restored at Twilio. */
const UNTOLD = [
  "twilio_auth_failed",
  "twilio_invalid_credentials",
  "number_not_in_twilio",
  "twilio_rate_limited",
  "twilio_unavailable",
  "twilio_update_rejected",
  "twilio_webhooks_not_applied",
  "service_misconfigured",
] as const satisfies ErrorCode[];

const REQUEST = `curl -X POST 'https://api.twilio.com/2010-04-01/Accounts/${ACCOUNT_SID}/IncomingPhoneNumbers/${NUMBER_SID}.json' …`;

export const releasedChannels = {
  twilio: z.object({
    voice: answered(outcome, "What becomes of the number's calls.", "restored"),
    sms: answered(outcome, "What becomes of its texts."),
    status_callback: answered(outcome, "What becomes of its status callback."),
  }),
  reason: answered(
    z.optional(z.enum(UNTOLD)),
    "Why Twilio could not be told: the code of an error. Only if an outcome is `unreachable`.",
  ),
};

const returned = {
  twilio: releasedChannels.twilio,
  not_restored: answered(
    z.optional(z.array(z.enum(["trunk_sid", "voice_application_sid", "sms_application_sid"]))),
    "Bindings that Twilio refused, for example to a trunk that no longer exists. The URLs were restored.",
  ),
  reason: releasedChannels.reason,
  message: answered(z.optional(z.string()), "What that means and what to do. Only with `reason`."),
  requests: answered(
    z.optional(z.array(z.string())),
    "What to run in a shell to restore the number yourself. Only with `reason`.",
    [REQUEST],
  ),
};

export const givenBack = z
  .object(returned)
  .check(
    z.meta({ id: "GivenBack", description: "What happened at Twilio to a channel that was given back." }),
  );

export const releasedNumber = z
  .object({
    phone_number: phoneNumber,
    deleted: answered(z.literal(true), "Always true: this service no longer has the number."),
    twilio_number_sid: numberSid,
    ...returned,
  })
  .check(
    z.meta({ id: "ReleasedNumber", description: "A released number, and what happened to it at Twilio." }),
  );

export const releasedExample = exampleOf(releasedNumber, {
  twilio: { voice: "restored", sms: "cleared", status_callback: "left_alone" },
});

/** Twilio's refusals of credentials, and Twilio's troubles. */
export const TWILIO_ERRORS = [
  "twilio_auth_failed",
  "twilio_invalid_credentials",
  "twilio_rate_limited",
  "twilio_unavailable",
  "number_not_in_twilio",
] as const;
