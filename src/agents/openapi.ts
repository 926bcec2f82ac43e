import * as z from "zod/mini";
import { answered, described, type Reference, time } from "../http/operation.ts";
import { connectSchema, fallbackSchema } from "./connect.ts";
import { createAgentBody } from "./schema.ts";

const agentFields = {
  name: { description: "What you call the agent.", examples: ["Receptionist"] },
  system_prompt: {
    description: "Instructions, kept for the agent's runtime.",
    examples: ["You are friendly."],
  },
  welcome_message: {
    description: "What a caller hears first.",
    examples: ["Hello, you have reached Acme Dental. How can I help?"],
  },
  language: {
    description: "The language of the welcome message as a BCP 47 tag; `en` unless given.",
    examples: ["en-GB"],
  },
  voice_id: { description: "A voice, kept for the agent's runtime.", examples: ["Dennis"] },
  is_active: { description: "Callers of an agent that is not active hear that nobody takes calls." },
  webhook_url: {
    description: "Where events will go: https, without user name and password.",
    examples: ["https://example.com/nixflex"],
  },
  connect: {
    description:
      "How a call is handed to the agent's runtime: to a ConversationRelay or a media stream (wss), to TwiML of your own " +
      "(https), or to another number. Attributes have TwiML's names; snake_case is taken too.",
    examples: [{ type: "conversation_relay", url: "wss://runtime.example/relay" }],
  },
  fallback: {
    description: "What a caller gets where the runtime fails: a sentence, or another number.",
    examples: [{ type: "say", text: "Please call again later." }],
  },
  record: { description: "Whether calls are recorded." },
};

/** An agent as answers have it. */
export const agent = z
  .object({
    agent_id: answered(
      z.string().check(z.regex(/^agent_[0-9a-f]{16}$/)),
      "The id.",
      "agent_125207e452f8714a",
    ),
    name: answered(z.string(), agentFields.name.description),
    system_prompt: answered(z.nullable(z.string()), agentFields.system_prompt.description),
    welcome_message: answered(z.nullable(z.string()), agentFields.welcome_message.description),
    language: answered(z.string(), "The language of the welcome message, a BCP 47 tag.", "en"),
    voice_id: answered(z.nullable(z.string()), agentFields.voice_id.description),
    is_active: answered(z.boolean(), agentFields.is_active.description),
    webhook_url: answered(z.nullable(z.string()), agentFields.webhook_url.description),
    connect: answered(z.nullable(connectSchema), agentFields.connect.description),
    fallback: answered(z.nullable(fallbackSchema), agentFields.fallback.description),
    record: answered(z.boolean(), agentFields.record.description),
    created_at: time("When it was made"),
    updated_at: time("When it was last changed"),
  })
  .check(z.meta({ id: "Agent", description: "Who answers: a name, a greeting, a language." }));

const example = {
  agent_id: "agent_125207e452f8714a",
  name: "Receptionist",
  system_prompt: null,
  welcome_message: "Hello, you have reached Acme Dental. How can I help?",
  language: "en",
  voice_id: null,
  is_active: true,
  webhook_url: null,
  connect: null,
  fallback: null,
  record: false,
  created_at: "2026-01-31T12:00:00.000Z",
  updated_at: "2026-01-31T12:00:00.000Z",
};

export const agentReference: Reference = {
  tag: { name: "Agents", description: "Who answers an imported number." },
  operations: {
    "POST /v1/agents": {
      id: "createAgent",
      summary: "Make an agent",
      description: "Makes an agent that belongs to the calling API key. Only `name` is required.",
      auth: "apiKey",
      body: {
        schema: described(createAgentBody, agentFields),
        example: { name: example.name, welcome_message: example.welcome_message },
      },
      answers: [{ status: 201, description: "The agent.", schema: agent, example }],
      errors: ["missing_field", "prompt_too_long", "invalid_url"],
    },
  },
};
