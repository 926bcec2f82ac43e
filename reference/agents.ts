import * as z from "zod/mini";
import { agentFields, createAgentBody, deleteAgentQuery, updateAgentBody } from "../src/agents/schema.ts";
import { DEFAULTS } from "../src/agents/talk.ts";
import { AGENT_ID } from "./examples.ts";
import {
  answer,
  answered,
  deleted,
  described,
  exampleOf,
  listAnswer,
  type Operation,
  pageQuery,
  type Reference,
  time,
} from "./operation.ts";

const exampleTool = {
  name: "book",
  description: "Books an appointment.",
  parameters: {
    type: "object",
    properties: { day: { type: "string", description: "As in 2026-12-24" }, hour: { type: "integer" } },
    required: ["day", "hour"],
  },
  url: "https://example.com/nixflex/book",
  timeout_seconds: 8,
  filler: "One moment, I will write that down.",
};

const descriptions = {
  name: { description: "What you call the agent.", examples: ["Receptionist"] },
  system_prompt: {
    description:
      "What the agent that talks by itself is told. For a runtime of your own, this service only stores it.",
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
    description:
      "The voice callers hear of an agent that talks by itself. For a runtime of your own, this service only stores it.",
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
  tools: {
    description:
      "What the agent may ask of your own server while it talks or answers a text: up to 10 of {name, description, " +
      "parameters, url, timeout_seconds, filler}. `parameters` is a JSON Schema of an object, of the keywords type, properties, " +
      "required, enum, items, description, minimum, maximum, minLength, maxLength and additionalProperties, with up to 4 KB and " +
      "5 levels. `url` gets one signed POST for each call, and has `timeout_seconds` (1 to 20, 8 unless given) to answer. The " +
      "caller hears `filler` meanwhile. Each tool that is called counts as one answer of the model.",
    examples: [[exampleTool]],
  },
  sms_reply: { description: "Whether the agent answers texts by itself; false unless given." },
  inbound_url: {
    description:
      "Who is asked before a call or text is answered, by a signed POST: who answers it, with which words, or nobody. A public https URL.",
    examples: ["https://example.com/inbound"],
  },
  inbound_url_timeout_ms: {
    description:
      "How long the caller hears ringing for its answer; 3,000 unless given. A text waits for 5,000.",
  },
};

/** Settings in words for a model. */
const words = {
  system_prompt: "Instructions for the agent.",
  language: "What it speaks, as a BCP 47 tag such as en-GB.",
  voice_id: "A voice for the agent's own runtime; builtin does not use it.",
  webhook_url: "Which https URL receives the events.",
  connect:
    "Who talks: {type: builtin} this service; {type: conversation_relay, url: wss…} or {type: stream, url: wss…} a runtime of the user; {type: redirect, url: https…} TwiML; {type: dial, number} a telephone. Left out: builtin, if this server has a model.",
  fallback: "If that fails: {type: say, text} or {type: dial, number}.",
  is_active: "If false, callers hear that nobody takes calls.",
  record: "Whether calls are recorded.",
  transfer_numbers: "Whom a builtin agent may put callers through to: up to 10.",
  max_call_duration_seconds: "The longest call; 600 unless told.",
  silence_hangup_seconds: "A longer silence ends a call; 30 unless told.",
  max_turns: "Answers in a call; 100 unless told.",
  max_tokens_per_turn: "Tokens of an answer; 300 unless told.",
  max_characters_per_turn: "Characters of an answer; 1,000 unless told.",
  ai_speaks_first: "Whether the agent speaks first; true unless told.",
  transcript: "Whether what was said is kept; true unless told.",
  tools:
    "What a builtin agent may ask of the user's server: up to 10 of {name, description, parameters: a JSON Schema of an object, url: https…, timeout_seconds, filler}.",
  sms_reply: "Whether it answers texts; false unless told.",
  inbound_url: "Which https URL is asked before a call or text is answered.",
  inbound_url_timeout_ms: "How long a caller waits for that; 3,000 unless told.",
};

/** An agent in an answer. */
const agent = z
  .object({
    agent_id: answered(z.string().check(z.regex(/^agent_[0-9a-f]{16}$/)), "The id.", AGENT_ID),
    name: answered(z.string(), descriptions.name.description),
    ...Object.fromEntries(
      Object.entries(agentFields).map(([name, { schema, default: value }]) => {
        // What is stored is in the form that a transform at the end gives it.
        const { type, in: given } = schema._zod.def as { type: string; in?: z.ZodMiniType };
        const shown = type === "pipe" && name === "language" && given ? given : schema;
        return [
          name,
          answered(
            (value === null ? z.nullable(shown) : shown) as z.ZodMiniType,
            descriptions[name as keyof typeof agentFields].description,
          ),
        ];
      }),
    ),
    created_at: time("When the agent was created"),
    updated_at: time("When the agent was last changed"),
  })
  .check(z.meta({ id: "Agent", description: "An agent: it answers the calls of its numbers." }));

const example = exampleOf(agent, {
  name: "Receptionist",
  welcome_message: "Hello, you have reached Acme Dental. How can I help?",
  language: "en",
  is_active: true,
  record: false,
  ...DEFAULTS,
});

const change: Operation = {
  id: "changeAgent",
  summary: "Change an agent",
  description:
    "Changes only the fields that you send. null or an empty text resets a field to the value of a new agent; " +
    "`name` cannot be reset. The next call uses the new settings. In another location of Cloudflare's network the old " +
    "settings may be used for half a minute.",
  body: {
    schema: described(updateAgentBody, descriptions),
    example: { welcome_message: "Hello, Acme Dental is closed today.", is_active: true },
  },
  answers: [
    answer("The agent after the change.", agent, {
      ...example,
      welcome_message: "Hello, Acme Dental is closed today.",
    }),
  ],
  errors: ["missing_field", "prompt_too_long", "invalid_url"],
};

export const agentReference: Reference = {
  tag: { name: "Agents", description: "Who answers an imported number." },
  operations: {
    "POST /v1/agents": {
      id: "createAgent",
      summary: "Create an agent",
      tool: {
        name: "create_agent",
        arguments: words,
        text: "Creates an agent, who can then answer numbers. Only name is required; a name, a system_prompt and a welcome_message make an agent that talks by itself, if this server has a language model. Hear it with try_agent.",
        isAdditive: true,
      },
      description: "Creates an agent that belongs to the calling API key. Only `name` is required.",
      body: {
        schema: described(createAgentBody, descriptions),
        example: { name: example.name, welcome_message: example.welcome_message },
      },
      answers: [answer("The agent.", agent, example, 201)],
      errors: ["missing_field", "prompt_too_long", "invalid_url", "limit_reached/403"],
    },
    "GET /v1/agents": {
      id: "listAgents",
      summary: "List agents",
      tool: { name: "list_agents", text: "The agents, newest first, with all their settings." },
      description:
        "The agents of the calling API key, newest first. A secret that is limited to an `external_id` sees `agent_id` and `name` of " +
        "those that answer its numbers, and no other field.",
      query: pageQuery,
      answers: [listAnswer("agents", agent, example)],
    },
    "GET /v1/agents/{agent_id}": {
      id: "getAgent",
      summary: "Get an agent",
      tool: { name: "get_agent", text: "An agent with all its settings." },
      description:
        "One of the agents of the calling API key. Another key's agent is a 404. A secret that is limited to an `external_id` sees " +
        "`agent_id` and `name`, and no other field.",
      answers: [answer("The agent.", agent, example)],
    },
    "PATCH /v1/agents/{agent_id}": {
      ...change,
      tool: {
        name: "change_agent",
        text: "Changes an agent. An argument that is left out changes nothing, null makes it its default again. The settings are those of create_agent. Calls that begin within half a minute may still have the old settings.",
        arguments: Object.fromEntries(Object.keys(agentFields).map((field) => [field, ""])),
      },
    },
    "PUT /v1/agents/{agent_id}": {
      ...change,
      id: "updateAgent",
      summary: "Change an agent by PUT",
      description: "The same as PATCH: a field that is left out stays as it is.",
    },
    "DELETE /v1/agents/{agent_id}": {
      id: "deleteAgent",
      summary: "Delete an agent",
      tool: {
        name: "delete_agent",
        text: "Deletes an agent. One with numbers is refused: give them to another with change_phone_number. With force it goes all the same, and callers of its numbers hear that nobody takes calls.",
        arguments: { force: "true: although it has numbers." },
      },
      description:
        "Deletes an agent. If the agent still has numbers, it is not deleted: move them to another agent first. " +
        "`?force=true` deletes it anyway. Its numbers then stay imported, without an agent: callers hear that nobody takes " +
        "calls, and `agent_id` is null until you set another agent with a PATCH of the number.",
      query: described(deleteAgentQuery, {
        force: { description: "`true` deletes the agent even if it has numbers." },
      }),
      answers: [
        answer(
          "The agent is deleted.",
          z.object({ agent_id: answered(z.string(), "The id of the deleted agent.", AGENT_ID), deleted }),
        ),
      ],
      errors: ["agent_in_use"],
    },
  },
};
