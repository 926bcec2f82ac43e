import * as z from "zod/mini";
import { CALL_STATUSES, DIRECTIONS } from "../src/call-log/call.ts";
import { listCallsQuery, outcomeBody, usageQuery } from "../src/call-log/query.ts";
import type { ErrorCode } from "../src/http/errors.ts";
import { AGENT_ID, CALL_SID, CALLER, KEY_ID, NUMBER, TIME } from "./examples.ts";
import {
  answer,
  answered,
  deleted,
  described,
  exampleOf,
  listAnswer,
  listQuery,
  type Reference,
  resource,
  time,
} from "./operation.ts";

const twilioId = (prefix: string) => z.string().check(z.regex(new RegExp(`^${prefix}[0-9a-fA-F]{32}$`)));

const AT_TWILIO: readonly ErrorCode[] = [
  "call_account_gone",
  "twilio_invalid_credentials",
  "twilio_auth_failed",
  "twilio_rate_limited",
  "twilio_unavailable",
];

const call = {
  call_id: answered(twilioId("CA"), "Twilio's SID of the call.", CALL_SID),
  agent_id: answered(z.nullable(z.string()), "The agent; null if the number had none.", AGENT_ID),
  external_id: answered(
    z.nullable(z.string()),
    "The `external_id` of your number when the call began; null if it had none.",
    "branch-17",
  ),
  direction: answered(z.enum(DIRECTIONS), "Who called: `inbound`, somebody else; `outbound`, the agent."),
  from: answered(z.string(), "Who called, as Twilio says it.", CALLER),
  to: answered(z.string(), "Who was called.", NUMBER),
  status: answered(z.enum(CALL_STATUSES), "Twilio's status of the call.", "completed"),
  ended_reason: answered(
    z.nullable(z.string()),
    "Why it ended: `completed`, `transferred`, `silence_timeout`, `max_duration_reached`, `max_turns_reached`, `model_refused`, `caller_hangup`, `callee_hangup`, " +
      "`voicemail_left`, `voicemail_detected`, `busy`, `failed`, `no-answer`, `canceled`. Null while it runs, or if Twilio never told its end.",
    "caller_hangup",
  ),
  started_at: time("When it began"),
  answered_at: z.nullable(time("When it was answered; null if it was not")),
  ended_at: z.nullable(time("When it ended; null while it runs")),
  duration_seconds: answered(
    z.nullable(z.int()),
    "How long it took, as Twilio says; null until Twilio tells it.",
    42,
  ),
  recording_url: answered(
    z.nullable(z.string()),
    "URL of the recording on this API (needs the API key); null if there is none.",
    `https://numbers.example.com/v1/calls/${CALL_SID}/recording`,
  ),
  created_at: time("When this service first heard of it"),
};
const said = z.object({
  role: answered(z.enum(["caller", "agent"]), "Who said it; the callee of an outbound call is `caller` too."),
  text: answered(z.string(), "What was said.", "What are your opening hours?"),
  at: z.nullable(time("When it was said; null if a runtime did not report it")),
  interrupted: answered(
    z.optional(z.literal(true)),
    "The other one spoke before the end: this is what was heard.",
  ),
  first_token_ms: answered(
    z.optional(z.int()),
    "How long the model took to its first word, in milliseconds; only for an answer of the model's.",
    420,
  ),
});
const listedCall = resource("Call", "A call to or from one of your numbers.", call);
const wholeCall = resource("CallWithTranscript", "A call, with who said what.", {
  ...call,
  summary: answered(
    z.nullable(z.string()),
    "What the call came to, as its runtime reported; else null.",
    null,
  ),
  data: answered(
    z.nullable(z.record(z.string(), z.string())),
    "What else its runtime reported; null if nothing.",
    null,
  ),
  transcript: answered(
    z.array(said),
    "Who said what: written when the call has ended if the agent talked by itself and its `transcript` is true, or " +
      "reported by the call's runtime.",
  ),
});

const ended = { direction: "inbound", answered_at: TIME, ended_at: TIME, recording_url: null };
const exampleCall = exampleOf(listedCall, ended);
const exampleWhole = exampleOf(wholeCall, {
  ...ended,
  transcript: [exampleOf(said, { role: "caller", at: TIME })],
});
const exampleOutcome = {
  transcript: exampleWhole.transcript,
  ended_reason: "appointment_booked",
  summary: "Booked Tuesday at ten.",
  data: { appointment: "2026-02-03T10:00" },
};
const sound = answered(z.string(), "The sound, as MP3.");

export const logReference: Reference = {
  tag: { name: "Call log", description: "Every call to and from your numbers, for 30 days." },
  operations: {
    "GET /v1/calls": {
      id: "listCalls",
      summary: "List calls",
      tool: {
        name: "list_calls",
        text: "The calls of the last 30 days, newest first, without what was said: that is in get_call.",
      },
      description: "Your calls, newest first. A call stands here as soon as Twilio tells of it.",
      query: listQuery(listCallsQuery, {
        agent_id: { description: "Only calls of this agent." },
        phone_number: { description: "Only calls to and from this number of yours, in E.164 format." },
        external_id: { description: "Only calls of numbers that had this `external_id` then." },
        direction: { description: "Only calls of this direction." },
        status: { description: "Only calls with this status." },
      }),
      answers: [listAnswer("calls", listedCall, exampleCall, { hasMany: true })],
      errors: ["invalid_phone_format"],
    },
    "GET /v1/calls/{call_id}": {
      id: "getCall",
      summary: "Get a call",
      tool: {
        name: "get_call",
        text: "A call, why it ended, and who said what. A recording is heard at /console of this server.",
      },
      description: "A call, with who said what.",
      answers: [answer("The call.", wholeCall, exampleWhole)],
    },
    "POST /v1/calls/{call_id}/hangup": {
      id: "hangUp",
      summary: "End a call",
      tool: { name: "hang_up", text: "Ends a call that runs, or cancels one that is not answered yet." },
      description:
        "Ends a call that runs, or cancels one that is not answered yet. One that has ended stays as it is.",
      answers: [
        answer("The call as it is now. Its end is written once Twilio tells it.", wholeCall, exampleWhole),
      ],
      errors: AT_TWILIO,
    },
    "POST /v1/calls/{call_id}/outcome": {
      id: "reportOutcome",
      summary: "Report what a call was",
      description:
        "For the runtime that led a call (an agent with `connect`). What it reports stands in the log as the built-in agent's " +
        "does. Sent again it replaces all that was reported, until 24 hours after the end. Twilio's status and length stay. " +
        "`call.completed` has what came before the end; what comes after it is told by `call.updated`.",
      body: {
        schema: described(outcomeBody, {
          transcript: {
            description: "Who said what, 1,000 entries at most; `at` is an ISO 8601 time, if you know it.",
          },
          ended_reason: {
            description: "Why it ended, in a word of yours.",
            examples: ["appointment_booked"],
          },
          summary: { description: "What it came to.", examples: ["Booked Tuesday at ten."] },
          data: {
            description: "Texts by name, 50 at most.",
            examples: [{ appointment: "2026-02-03T10:00" }],
          },
        }),
        example: exampleOutcome,
      },
      answers: [answer("The call.", wholeCall, { ...exampleWhole, ...exampleOutcome })],
      errors: ["missing_field", "agent_is_builtin", "outcome_closed"],
    },
    "DELETE /v1/calls/{call_id}": {
      id: "deleteCall",
      summary: "Delete a call",
      tool: {
        name: "delete_call",
        text: "Deletes for ever what is kept of an ended call: what was said, and its recording at Twilio.",
      },
      description:
        "Deletes what is kept of a call, its transcript, and its recording at Twilio. It still counts in usage. Events " +
        "that told of it keep what they told, for 30 days.",
      answers: [
        answer("It is gone.", z.object({ call_id: answered(z.string(), "The call.", CALL_SID), deleted })),
      ],
      errors: ["call_in_progress", "recording_not_found", ...AT_TWILIO],
    },
    "GET /v1/calls/{call_id}/recording": {
      id: "getRecording",
      summary: "Get a recording",
      description:
        "The sound of a call, fetched from Twilio with the account's credentials: nobody else can hear it. With a `Range` " +
        "header only a part of it, as players ask.",
      isUnkept: true,
      answers: [
        {
          status: 200,
          description: "The whole recording.",
          schema: sound,
          example: "",
          mediaType: "audio/mpeg",
        },
        { status: 206, description: "A part of it.", schema: sound, example: "", mediaType: "audio/mpeg" },
      ],
      errors: ["recording_not_found", ...AT_TWILIO],
    },
    "DELETE /v1/keys/{key_id}/calls": {
      id: "deleteKeyCalls",
      summary: "Delete an API key's calls",
      description: "Deletes the whole call log of an API key, and its usage. For the operator.",
      auth: "adminToken",
      answers: [
        answer("They are gone.", z.object({ key_id: answered(z.string(), "The key.", KEY_ID), deleted })),
      ],
    },
  },
};

const count = (what: string, example: number) => answered(z.int(), what, example);
const minutes = answered(
  z.number(),
  "Minutes that were talked: seconds divided by 60, to two decimals.",
  31.5,
);
const date = (what: string) => answered(z.iso.date(), what, "2026-01-31");

const limit = (description: string) =>
  answered(z.object({ used: z.int(), limit: z.nullable(z.int()) }), `${description} \`limit\` null: none.`);

const usageAnswer = resource("Usage", "What a key has used, by UTC day.", {
  since: date("The first day."),
  until: date("The last day."),
  calls: z.object({ inbound: count("Calls to you.", 12), outbound: count("Calls from you.", 3), minutes }),
  sms: z.object({ received: count("Texts to you.", 4), sent: count("Texts from you.", 2) }),
  model: answered(
    z.nullable(
      z.object({
        turns: count("Answers of the language model: in calls, to texts and to tries.", 40),
        tokens: count(
          "Tokens that the model read and wrote for them, as it says itself; where it does not say, such as for an answer that was " +
            "interrupted, one for each four bytes.",
          1_200,
        ),
      }),
    ),
    "The model's part; null with `external_id`, because it is counted for the key as a whole.",
  ),
  numbers: count("Numbers that are imported now; with `external_id`, those that have it.", 5),
  limits: answered(
    z.nullable(
      z.object({
        max_agents: limit("Agents, and how many the key may have."),
        max_numbers: limit("The same of numbers."),
        model_turns_per_day: limit("Answers of the model today, whatever `since` is."),
        calls_per_day: limit("Calls that were begun or put through to a telephone number today."),
        texts_per_day: limit("Texts that were begun today, answers included."),
        resets_at: time("When today ends"),
        allowed_countries: answered(
          z.array(z.string()),
          'Where the key may call, text and put calls through to; `["*"]`: everywhere.',
          ["GB"],
        ),
      }),
    ),
    "What the key as a whole uses, and may; null with a secret that is limited to an `external_id`.",
  ),
  log_filled: answered(
    z.nullable(z.number()),
    "How full the fullest part of the log is, 0 to 1. From a third on, ask the operator to split it. Null with a limited secret.",
    0.012,
  ),
  log_shortened: answered(
    z.nullable(z.iso.datetime()),
    "Calls before this time are missing in `GET /v1/calls` though their 30 days are not over, because the log was full; null: none.",
    null,
  ),
  days: z.array(
    z.object({ date: date("The day."), calls: count("Calls.", 15), minutes, sms: count("Texts.", 6) }),
  ),
});

export const usageReference: Reference = {
  tag: { name: "Usage by day", description: "Calls, minutes and texts by UTC day." },
  operations: {
    "GET /v1/usage": {
      id: "getUsage",
      summary: "Get usage",
      tool: { name: "get_usage", text: "Calls, minutes and texts by UTC day: the last 30 days unless told." },
      description:
        "Calls, minutes and texts by UTC day, counted as they happen. A call counts on the day it begins. 30 days unless told.",
      query: described(usageQuery, {
        since: { description: "The first day, as `YYYY-MM-DD` or an RFC 3339 time." },
        until: { description: "The last day, included. Today unless told; at most 366 days in all." },
        external_id: {
          description:
            "Only calls and texts of numbers that had this `external_id` then. `limits` stays that of the key.",
        },
      }),
      answers: [
        answer("The sums, and each day.", usageAnswer, {
          model: { turns: 40, tokens: 1_200 },
          limits: {
            max_agents: { used: 2, limit: 1_000 },
            max_numbers: { used: 5, limit: null },
            model_turns_per_day: { used: 40, limit: 20_000 },
            calls_per_day: { used: 3, limit: null },
            texts_per_day: { used: 2, limit: null },
            resets_at: "2026-02-01T00:00:00.000Z",
            allowed_countries: ["GB"],
          },
          days: [{ date: "2026-01-31", calls: 15, minutes: 31.5, sms: 6 }],
        }),
      ],
    },
  },
};
