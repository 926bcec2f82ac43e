import * as z from "zod/mini";
import type { ErrorCode } from "../src/http/errors.ts";
import { callBody, textBody } from "../src/outbound/schema.ts";
import { AGENT_ID, CALL_SID, CALLER, NUMBER } from "./examples.ts";
import { answer, answered, described, type Operation, type Reference, resource } from "./operation.ts";

const MESSAGE_SID = `SM${"5f2c9a7e".repeat(4)}`;

const twilioId = (prefix: string) => z.string().check(z.regex(new RegExp(`^${prefix}[0-9a-fA-F]{32}$`)));

const placedCall = resource("PlacedCall", "A call that Twilio is about to place.", {
  call_id: answered(twilioId("CA"), "Twilio's SID of the call.", CALL_SID),
  status: answered(z.literal("initiated"), "Always `initiated`; events tell what follows."),
  to: answered(z.string(), "The callee.", CALLER),
  from: answered(z.string(), "The number that calls.", NUMBER),
  agent_id: answered(z.string(), "The agent that talks.", AGENT_ID),
});

const sentText = resource("SentText", "A text that Twilio is about to send.", {
  message_id: answered(twilioId("(?:SM|MM)"), "Twilio's SID of the text.", MESSAGE_SID),
  status: answered(z.literal("queued"), "Always `queued`; events tell what follows."),
  to: answered(z.string(), "The recipient.", CALLER),
  from: answered(z.string(), "The number that texts.", NUMBER),
});

const SENDING: readonly ErrorCode[] = [
  "missing_field",
  "invalid_phone_format",
  "agent_not_found",
  "from_number_not_found",
  "agent_missing_phone_number",
  "outbound_disabled",
  "country_not_allowed",
  "limit_reached",
  "outbound_refused",
  "outbound_failed",
  "twilio_invalid_credentials",
  "twilio_auth_failed",
  "twilio_rate_limited",
];

const ONCE =
  "It is sent to Twilio at most once. If Twilio's answer is lost, Twilio is asked what became of it. If nobody can know " +
  'yet, the answer is `outbound_failed` with `details.outcome: "unknown"`: send the same request with the same ' +
  "`Idempotency-Key` again, and you get the SID, or learn that Twilio has nothing of it.";

const callOperation = (id: string, summary: string): Operation => ({
  id,
  summary,
  description:
    "Twilio calls `to_number`, and whoever answers talks with the agent as a caller would: with the model, or with the runtime of " +
    `the agent's \`connect\`. The answer comes at once; the events \`call.started\`, \`call.completed\` and \`call.failed\` tell the rest. ${ONCE} ` +
    "The calls of one Twilio account go out one a second unless the deployment or the key says otherwise. A request waits up to ten seconds for its turn.",
  body: {
    schema: described(callBody, {
      agent_id: { description: "Your agent.", examples: [AGENT_ID] },
      to_number: { description: "Whom to call, in E.164 format. Also `to`.", examples: [CALLER] },
      from_number: {
        description:
          "One of the agent's numbers, in E.164 format. By default its first number that may call. Also `from`.",
        examples: [NUMBER],
      },
      prompt: {
        description:
          "Added to the agent's `system_prompt` for this call. An agent with a runtime of its own does not get it.",
        examples: ["Confirm the appointment on Friday."],
      },
      dynamic_vars: {
        description:
          "Texts for `{{name}}` and `{{name|default}}` in every prompt and message: up to 50, of up to 500 characters each. They " +
          "come before the number's own. A placeholder without a value is removed. The agent's runtime gets them as `<Parameter>`s.",
        examples: [{ name: "Ada" }],
      },
      welcome_message: {
        description:
          "What the agent says first in this call, up to 1,000 characters; by default the agent's `welcome_message`. Without either the model begins, from its prompt.",
        examples: ["Hello {{name}}, this is Acme Dental."],
      },
      ai_speaks_first: {
        description:
          "Whether the agent speaks first in this call; by default as the agent does. `false` with a `welcome_message` is refused.",
      },
      machine_detection: {
        description:
          "Twilio's answering machine detection, for which Twilio charges. `Enable` tells a machine as soon as it answers, " +
          "`DetectMessageEnd` once its greeting is over, so that a message can be left. The agent talks meanwhile.",
        examples: ["DetectMessageEnd"],
      },
      voicemail_message: {
        description:
          "What is said to an answering machine before the call ends. Without it the call ends at once. Needs `machine_detection`.",
        examples: ["Hello, this is Acme. Please call us back."],
      },
    }),
    example: { agent_id: AGENT_ID, to_number: CALLER, dynamic_vars: { name: "Ada" } },
  },
  answers: [answer("Twilio has the call.", placedCall, {}, 201)],
  errors: [...SENDING, "prompt_too_long", "concurrent_call_limit"],
});

export const callReference: Reference = {
  tag: { name: "Calls and texts", description: "What an agent sends by itself." },
  operations: {
    "POST /v1/calls/outbound": {
      ...callOperation("placeCall", "Call somebody"),
      tool: {
        name: "place_call",
        text:
          "A REAL CALL: a telephone rings, and whoever answers talks with the agent. The plan says who would call whom, from which " +
          "number. Ask the user first. If the answer is lost or details.outcome is unknown, repeat it with the same idempotency_key: nobody is called " +
          "twice. The answer comes as soon as Twilio has the call; get_call tells how it went.",
        isOnce: true,
        arguments: {
          agent_id: "Who talks. It needs a number that may call.",
          to_number: "Whom to call, in E.164.",
          from_number: "One of the agent's numbers, in E.164; its first that may call unless told.",
          prompt: "Added to the agent's system_prompt for this call.",
          dynamic_vars: "Texts for {{name}} in the prompts and messages, such as {name: Ada}.",
          welcome_message: "What the agent says first, in place of its own.",
          ai_speaks_first: "Whether the agent speaks first; as the agent does unless told.",
          machine_detection:
            "Tell an answering machine: Enable at once, DetectMessageEnd after its greeting. Twilio charges for it.",
          voicemail_message: "What to leave on an answering machine. Needs machine_detection.",
        },
      },
    },
    "POST /v1/calls": callOperation("createCall", "Call somebody (short path)"),
    "POST /v1/sms": {
      id: "sendText",
      summary: "Text somebody",
      tool: {
        name: "send_text",
        text:
          "A REAL TEXT goes to somebody's telephone, from one of the agent's numbers. The plan says from which. Ask the user first. If the " +
          "answer is lost or details.outcome is unknown, repeat it with the same idempotency_key: it is sent once.",
        isOnce: true,
        arguments: {
          agent_id: "Who texts. It needs a number that may text.",
          to: "Whom to text, in E.164.",
          message: "The text, up to 1,600 characters.",
          from_number: "One of the agent's numbers, in E.164; its first that may text unless told.",
        },
      },
      description: `Sends a text from one of the agent's numbers. \`sms.delivered\` or \`sms.failed\` tells what became of it. ${ONCE}`,
      body: {
        schema: described(textBody, {
          agent_id: { description: "Your agent.", examples: [AGENT_ID] },
          to: { description: "Whom to text, in E.164 format. Also `to_number`.", examples: [CALLER] },
          message: {
            description: "The text, up to 1,600 characters. Also `body`.",
            examples: ["Your table is ready."],
          },
          from_number: {
            description:
              "One of the agent's numbers, in E.164 format. By default its first number that may call and text. Also `from`.",
            examples: [NUMBER],
          },
        }),
        example: { agent_id: AGENT_ID, to: CALLER, message: "Your table is ready." },
      },
      answers: [answer("Twilio has the text.", sentText, {}, 201)],
      errors: [...SENDING, "message_too_long", "recipient_unsubscribed", "sms_not_supported"],
    },
  },
};
