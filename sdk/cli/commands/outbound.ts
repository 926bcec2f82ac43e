import { randomUUID } from "node:crypto";
import { text } from "node:stream/consumers";
import { NixflexError } from "@nixflex/numbers";
import { Argument, InvalidArgumentError, Option } from "commander";
import { readPhoneNumber } from "../../../src/twilio/e164.ts";
import { type Act, type Given, named } from "../act.ts";
import { Unreachable } from "../failures.ts";
import { agentOption, numberArgument } from "../options.ts";
import { note } from "../output.ts";

type Variables = Record<string, string>;

function variable(given: string, all: Variables = {}): Variables {
  const [, name, value] = /^([^=]+)=([\s\S]*)$/.exec(given) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError("It must be like name=Ada.");
  return { ...all, [name]: value };
}

const sends = [
  agentOption("the agent").makeOptionMandatory(),
  new Option("--from <number>", "one of the agent's numbers; else the first that may be used").argParser(
    readPhoneNumber,
  ),
  new Option("--idempotency-key <key>", "the key of an earlier try, which is not repeated if it succeeded"),
];

export const outbound: readonly Act[] = [
  {
    name: "call",
    does: "have an agent call somebody",
    takes: [
      numberArgument("to"),
      ...sends,
      new Option("--prompt <text>", "instructions for this call, added to the agent's own"),
      new Option(
        "--var <name=value>",
        "a text for {{name}} in prompt and welcome message; may be repeated",
      ).argParser(variable),
    ],
    examples: ['nixflex-numbers call +14155550123 --agent agent_… --prompt "Confirm Friday." --var name=Ada'],
    async run({ nixflex, options }: Given<CallOptions>, to_number: string) {
      const own = named(options, { from: "from_number", prompt: "prompt", var: "dynamic_vars" });
      const body = { agent_id: options.agent, to_number, ...own };
      const answer = await once(options, (headers) => nixflex.placeCall({ body }, { headers }));
      return { answer, text: `${answer.from} calls ${answer.to}: ${answer.call_id}` };
    },
  },
  {
    name: "text",
    does: "have an agent text somebody; - reads the message from standard input",
    takes: [numberArgument("to"), new Argument("<message>"), ...sends],
    examples: ['nixflex-numbers text +14155550123 "Your table is ready." --agent agent_…'],
    async run({ nixflex, options }: Given<SendOptions>, to: string, given: string) {
      const message = given === "-" ? (await text(process.stdin)).trimEnd() : given;
      const body = { agent_id: options.agent, to, message, ...named(options, { from: "from" }) };
      const answer = await once(options, (headers) => nixflex.sendText({ body }, { headers }));
      return { answer, text: `${answer.from} texts ${answer.to}: ${answer.message_id}` };
    },
  },
];

type SendOptions = { agent: string; from?: string; idempotencyKey?: string };
type CallOptions = SendOptions & { prompt?: string; var?: Variables };

/** If nobody knows what became of it, says how to find out without sending twice. */
async function once<Answer>(
  { idempotencyKey: key = randomUUID() }: SendOptions,
  ask: (headers: Record<string, string>) => Promise<Answer>,
): Promise<Answer> {
  try {
    return await ask({ "idempotency-key": key });
  } catch (error) {
    const isUnknown =
      error instanceof NixflexError ? error.details.outcome === "unknown" : error instanceof Unreachable;
    if (isUnknown) {
      note(`It may have been sent. To find out, run the same command with --idempotency-key ${key}`);
    }
    throw error;
  }
}
