import * as z from "zod/mini";
import { messageOf } from "../http/faults.ts";
import {
  body,
  maxLength,
  missingOrInvalid,
  pattern,
  requiredText,
  satisfies,
  wholeNumber,
} from "../http/schema.ts";
import { schemaFaults } from "./json-schema.ts";

// The tools of an agent: what its model may ask of the customer's own server.

const MAX_TOOLS = 10;
const MAX_DESCRIPTION_LENGTH = 1_000;
const MAX_FILLER_LENGTH = 200;
const MAX_URL_LENGTH = 2_048;
const NAME = /^[a-z][a-z0-9_]{0,63}$/;
/** What a call has by itself; see builtin.ts. */
const TAKEN = ["end_call", "transfer_call"];

const parameters = z
  .looseObject({ type: z.literal("object") }, { error: missingOrInvalid })
  .check(({ value, issues }) => {
    for (const { path, ...fault } of schemaFaults(value))
      issues.push({ code: "custom", path, message: messageOf(fault), input: value });
  });

const tool = body({
  name: requiredText().check(
    pattern(NAME, "A tool's name has up to 64 small letters, digits and _, and begins with a letter."),
    satisfies((name: string) => !TAKEN.includes(name), {
      code: "invalid_field",
      hint: "end_call and transfer_call are tools of every call. Choose another name.",
    }),
  ),
  description: requiredText().check(maxLength(MAX_DESCRIPTION_LENGTH)),
  parameters,
  // The allowed hosts depend on the deployment; see `withCheckedUrls` in agents/urls.ts.
  url: requiredText().check(maxLength(MAX_URL_LENGTH, "invalid_url")),
  timeout_seconds: z._default(wholeNumber(1, 20), 8),
  filler: z.optional(z.string().check(maxLength(MAX_FILLER_LENGTH))),
});

export type ToolDefinition = z.output<typeof tool>;

/** `tools` of an agent. */
export const toolsSchema = z.array(tool).check(maxLength(MAX_TOOLS), ({ value, issues }) => {
  for (const [index, { name }] of value.entries()) {
    if (value.findIndex((other) => other.name === name) === index) continue;
    const message = messageOf({ code: "invalid_field", hint: "Each tool has a name of its own." });
    issues.push({ code: "custom", path: [index, "name"], message, input: name });
  }
});
