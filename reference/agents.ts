import * as z from "zod/mini";
import { connectSchema, fallbackSchema } from "../src/agents/connect.ts";
import { createAgentBody, updateAgentBody } from "../src/agents/schema.ts";
import { DEFAULTS } from "../src/agents/talk-settings.ts";
import { DEFAULT_LIMIT } from "../src/http/page.ts";
import { answered, described, listAnswer, listQuery, type Reference, time } from "./operation.ts";

const AGENT_ID = "agent_125207e452f8714a";

const agentInPath = described(z.object({ agent_id: z.string() }), {
  agent_id: { description: "An agent of the calling API key.", examples: [AGENT_ID] },
});

const agentFields = {
  name: { description: "What you call the agent.", examples: ["Receptionist"] },
  system_prompt: {
    description: "Instructions for the agent's runtime. This service only stores them.",
    examples: ["You are friendly."],
  },
  welcome_message: {
    description: "The first sentence that a caller hears.",
    examples: ["Hello, you have reached Acme Dental. How can I help?"],
  },
  language: {
    description: "The language of the welcome message, as a BCP 47 tag. The default is `en`.",
    examples: ["en-GB"],
  },
  voice_id: {
    description: "A voice for the agent's runtime. This service only stores it.",
    examples: ["Dennis"],
  },
  is_active: { description: "If false, callers hear that nobody takes calls. The default is true." },
  webhook_url: {
    description: "The URL that receives the events: https, without user name and password.",
    examples: ["https://example.com/nixflex"],
  },
  connect: {
    description:
      "How a call is connected to the agent's runtime: to a ConversationRelay or a media stream (wss), to your own TwiML " +
      "(https), to another number, or `builtin`: the agent talks by itself. An agent without `connect` does that too if the " +
      "deployment has a language model. Attributes have TwiML's names; snake_case is accepted too.",
    examples: [{ type: "conversation_relay", url: "wss://runtime.example/relay" }],
  },
  fallback: {
    description:
      "What happens to a call if the runtime fails: the caller hears a sentence, or another number is called.",
    examples: [{ type: "say", text: "Please call again later." }],
  },
  record: { description: "Whether calls are recorded. The default is false." },
  transfer_numbers: {
    description:
      "Whom an agent that talks by itself may put callers through to: up to 10 numbers in E.164 or SIP addresses.",
    examples: [["+441632960123"]],
  },
  max_call_duration_seconds: {
    description: "When an agent that talks by itself ends a call: 30 to 7,200, 600 unless given.",
  },
  silence_hangup_seconds: {
    description: "After how long a silence it ends the call: 5 to 300, 30 unless given.",
  },
  max_turns: { description: "How often the model may be asked in a call: 1 to 500, 100 unless given." },
  max_tokens_per_turn: {
    description: "How many tokens an answer of the model may have: 16 to 2,048, 300 unless given.",
  },
  max_characters_per_turn: {
    description: "After how many characters an answer is cut off: 50 to 4,000, 1,000 unless given.",
  },
  transcript: {
    description:
      "Whether `call.completed` carries what was said in a call that the agent led by itself; true unless given.",
  },
  ai_speaks_first: {
    description:
      "Whether the agent speaks first: its `welcome_message`, or what it says of itself. If not, it waits for the other side.",
  },
  sms_reply: { description: "Whether the agent answers texts by itself; false unless given." },
};

/** An agent in an answer. */
const agent = z
  .object({
    agent_id: answered(z.string().check(z.regex(/^agent_[0-9a-f]{16}$/)), "The id.", AGENT_ID),
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
    transfer_numbers: answered(z.array(z.string()), agentFields.transfer_numbers.description),
    max_call_duration_seconds: answered(z.int(), agentFields.max_call_duration_seconds.description),
    silence_hangup_seconds: answered(z.int(), agentFields.silence_hangup_seconds.description),
    max_turns: answered(z.int(), agentFields.max_turns.description),
    max_tokens_per_turn: answered(z.int(), agentFields.max_tokens_per_turn.description),
    max_characters_per_turn: answered(z.int(), agentFields.max_characters_per_turn.description),
    transcript: answered(z.boolean(), agentFields.transcript.description),
    ai_speaks_first: answered(z.boolean(), agentFields.ai_speaks_first.description),
    sms_reply: answered(z.boolean(), agentFields.sms_reply.description),
    created_at: time("When the agent was created"),
    updated_at: time("When the agent was last changed"),
  })
  .check(z.meta({ id: "Agent", description: "An agent: it answers the calls of its numbers." }));

const example = {
  agent_id: AGENT_ID,
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
  ...DEFAULTS,
  created_at: "2026-01-31T12:00:00.000Z",
  updated_at: "2026-01-31T12:00:00.000Z",
};

export const agentReference: Reference = {
  tag: { name: "Agents", description: "Who answers an imported number." },
  operations: {
    "POST /v1/agents": {
      id: "createAgent",
      summary: "Create an agent",
      description: "Creates an agent that belongs to the calling API key. Only `name` is required.",
      auth: "apiKey",
      body: {
        schema: described(createAgentBody, agentFields),
        example: { name: example.name, welcome_message: example.welcome_message },
      },
      answers: [{ status: 201, description: "The agent.", schema: agent, example }],
      errors: ["missing_field", "prompt_too_long", "invalid_url"],
    },
    "GET /v1/agents": {
      id: "listAgents",
      summary: "List agents",
      description: "The agents of the calling API key, newest first.",
      auth: "apiKey",
      query: listQuery(),
      answers: [
        {
          status: 200,
          description: "A page of agents, and how many there are in total.",
          schema: listAnswer("agents", agent),
          example: { agents: [example], count: 1, limit: DEFAULT_LIMIT, offset: 0 },
        },
      ],
      errors: ["invalid_field"],
    },
    "GET /v1/agents/{agent_id}": {
      id: "getAgent",
      summary: "Get an agent",
      description: "One of the agents of the calling API key. Another key's agent is a 404.",
      auth: "apiKey",
      path: agentInPath,
      answers: [{ status: 200, description: "The agent.", schema: agent, example }],
      errors: ["agent_not_found"],
    },
    "PUT /v1/agents/{agent_id}": {
      id: "updateAgent",
      summary: "Change an agent",
      description:
        "Changes only the fields that you send. null or an empty text resets a field to the value of a new agent; " +
        "`name` cannot be reset. The next call uses the new settings. In another location of Cloudflare's network the old " +
        "settings may be used for half a minute.",
      auth: "apiKey",
      path: agentInPath,
      body: {
        schema: described(updateAgentBody, agentFields),
        example: { welcome_message: "Hello, Acme Dental is closed today.", is_active: true },
      },
      answers: [
        {
          status: 200,
          description: "The agent after the change.",
          schema: agent,
          example: { ...example, welcome_message: "Hello, Acme Dental is closed today." },
        },
      ],
      errors: ["missing_field", "prompt_too_long", "invalid_url", "agent_not_found"],
    },
    "DELETE /v1/agents/{agent_id}": {
      id: "deleteAgent",
      summary: "Delete an agent",
      description:
        "Deletes an agent. If the agent still has numbers, it is not deleted: move them to another agent first. " +
        "`?force=true` deletes it anyway. Its numbers then stay imported, without an agent: callers hear that nobody takes " +
        "calls, and `agent_id` is null until you set another agent with a PATCH of the number.",
      auth: "apiKey",
      path: agentInPath,
      query: z.object({
        force: answered(
          z.optional(z.enum(["true", "false"])),
          "`true` deletes the agent even if it has numbers.",
        ),
      }),
      answers: [
        {
          status: 200,
          description: "The agent is deleted.",
          schema: z.object({
            agent_id: answered(z.string(), "The id of the deleted agent.", AGENT_ID),
            deleted: answered(z.literal(true), "Always true."),
          }),
          example: { agent_id: AGENT_ID, deleted: true },
        },
      ],
      errors: ["invalid_field", "agent_not_found", "agent_in_use"],
    },
  },
};
