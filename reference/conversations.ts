import * as z from "zod/mini";
import {
  MAX_ANSWER_LENGTH,
  MAX_MESSAGE_LENGTH,
  MAX_MESSAGES,
  sentencesQuery,
  tryBody,
} from "../src/trying/schema.ts";
import { NUMBER } from "./examples.ts";
import { answer, answered, described, type Operation, type Reference } from "./operation.ts";

const tryOperation: Operation = {
  id: "tryAgent",
  summary: "Try an agent",
  tool: {
    name: "try_agent",
    text: "What an agent would say next in a call, asked of the model. Nobody is called and nothing is kept, so it needs no plan; its tools hear that it is a trial. Send the whole conversation each time.",
    readsOnly: true,
    arguments: {
      agent_id: "An agent that talks by itself.",
      messages: "What was said, oldest first: up to 40 of {role: caller or agent, text}.",
      system_prompt: "Try these instructions in place of the agent's own.",
      phone_number: "Try it with what this number has of its own.",
    },
  },
  description:
    "Answers the last of the messages as the agent would in a call. Nobody is called, nothing is kept, and the model's " +
    "tokens are all that it costs. Tools of the agent are called, and told `dry_run: true`. Send the conversation so far with " +
    "each request.",
  body: {
    schema: described(tryBody, {
      messages: {
        description: `What was said so far, the oldest first: up to ${MAX_MESSAGES} of {role, text}: \`caller\` and up to ${MAX_MESSAGE_LENGTH.toLocaleString("en")} characters, or \`agent\` and up to ${MAX_ANSWER_LENGTH.toLocaleString("en")}.`,
      },
      system_prompt: {
        description: "Instructions to try instead of the agent's own, up to 16,000 characters.",
      },
      phone_number: {
        description: "One of your numbers, in E.164: the agent is tried with what is that number's own.",
        examples: [NUMBER],
      },
    }),
    example: { messages: [{ role: "caller", text: "When are you open on Friday?" }] },
  },
  answers: [
    answer(
      "What the agent says.",
      z.object({
        role: answered(z.literal("agent"), "Always `agent`."),
        text: answered(z.string(), "What the agent says; empty if it only acts.", "From nine to five."),
        action: answered(
          z.nullable(
            z.object({
              type: answered(z.enum(["end", "transfer"]), "`end`: it would end the call."),
              number: answered(
                z.optional(z.string()),
                "To whom it would transfer the call.",
                "+441632960123",
              ),
            }),
          ),
          "What the agent would do next in a call; null if it would listen.",
        ),
      }),
    ),
  ],
  errors: [
    "limit_reached",
    "missing_field",
    "prompt_too_long",
    "invalid_phone_format",
    "number_not_found",
    "agent_not_builtin",
    "model_unavailable",
  ],
};

export const conversationReference: Reference = {
  tag: { name: "Trying agents", description: "A conversation with an agent, typed." },
  operations: {
    "POST /v1/agents/{agent_id}/try": tryOperation,
    "GET /v1/sentences": {
      id: "getSentences",
      summary: "Get what this service says",
      description: "The sentences of a call that are neither the agent's nor the model's.",
      query: described(sentencesQuery, {
        language: { description: "The agent's language, as a BCP 47 tag.", examples: ["de"] },
        phone_number: {
          description:
            "One of your numbers, in E.164: `greeting` is what its callers hear first, in its language.",
          examples: [NUMBER],
        },
      }),
      answers: [
        answer(
          "The sentences.",
          z.object({
            talks: answered(
              z.boolean(),
              "Whether an agent without a runtime talks by itself. If not, it greets and hangs up.",
            ),
            greeting: answered(
              z.string(),
              "What it says first, if it has no `welcome_message`. Of a number: what that says first; empty is silence.",
              "Guten Tag, wie kann ich helfen?",
            ),
            unavailable: answered(z.string(), "What callers hear if no agent answers."),
          }),
          {
            talks: true,
            unavailable: "This number is not taking calls at the moment. Please try again later.",
          },
        ),
      ],
      errors: ["invalid_phone_format", "number_not_found"],
    },
  },
};
