import { randomUUID } from "node:crypto";
import { text } from "node:stream/consumers";
import { NixflexError } from "@nixflex/numbers";
import { type Command, InvalidArgumentError } from "commander";
import { readPhoneNumber } from "../../../src/twilio/e164.ts";
import { Unreachable } from "../failures.ts";
import { examples, numberArgument, opened } from "../options.ts";
import { note, print } from "../output.ts";

type Variables = Record<string, string>;

function variable(given: string, all: Variables = {}): Variables {
  const [, name, value] = /^([^=]+)=([\s\S]*)$/.exec(given) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError("It must be like name=Ada.");
  return { ...all, [name]: value };
}

export function addOutbound(program: Command): void {
  sends(program.command("call").addArgument(numberArgument("to")))
    .description("have an agent call somebody")
    .option("--prompt <text>", "instructions for this call, added to the agent's own")
    .option(
      "--var <name=value>",
      "a text for {{name}} in prompt and welcome message; may be repeated",
      variable,
    )
    .addHelpText(
      "after",
      examples('nixflex-numbers call +14155550123 --agent agent_… --prompt "Confirm Friday." --var name=Ada'),
    )
    .action(call);
  sends(program.command("text").addArgument(numberArgument("to")).argument("<message>"))
    .description("have an agent text somebody; - reads the message from standard input")
    .addHelpText(
      "after",
      examples('nixflex-numbers text +14155550123 "Your table is ready." --agent agent_…'),
    )
    .action(sendText);
}

type SendOptions = { agent: string; from?: string; idempotencyKey?: string };

function sends(command: Command): Command {
  return command
    .requiredOption("--agent <id>", "the agent")
    .option("--from <number>", "one of the agent's numbers; else the first that may be used", readPhoneNumber)
    .option("--idempotency-key <key>", "the key of an earlier try, which is not repeated if it succeeded");
}

type CallOptions = SendOptions & { prompt?: string; var?: Variables };

async function call(to_number: string, chosen: CallOptions, command: Command): Promise<void> {
  const { nixflex, options } = opened(command);
  const { agent: agent_id, from, prompt, var: dynamic_vars } = chosen;
  const body = {
    agent_id,
    to_number,
    ...(from !== undefined && { from_number: from }),
    ...(prompt !== undefined && { prompt }),
    ...(dynamic_vars !== undefined && { dynamic_vars }),
  };
  const answer = await once(chosen, (headers) => nixflex.placeCall({ body }, { headers }));
  print(options.json, answer, () => `${answer.from} calls ${answer.to}: ${answer.call_id}`);
}

async function sendText(to: string, given: string, chosen: SendOptions, command: Command): Promise<void> {
  const { nixflex, options } = opened(command);
  const { agent: agent_id, from } = chosen;
  const message = given === "-" ? (await text(process.stdin)).trimEnd() : given;
  const body = { agent_id, to, message, ...(from !== undefined && { from_number: from }) };
  const answer = await once(chosen, (headers) => nixflex.sendText({ body }, { headers }));
  print(options.json, answer, () => `${answer.from} texts ${answer.to}: ${answer.message_id}`);
}

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
