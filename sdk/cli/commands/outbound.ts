import { randomUUID } from "node:crypto";
import { text } from "node:stream/consumers";
import { NixflexError } from "@nixflex/numbers";
import { type Command, InvalidArgumentError } from "commander";
import { Unreachable } from "../failures.ts";
import { examples, opened } from "../options.ts";
import { note, print } from "../output.ts";

type Variables = Record<string, string>;

function variable(given: string, all: Variables = {}): Variables {
  const [, name, value] = /^([^=]+)=([\s\S]*)$/.exec(given) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError("It must be like name=Ada.");
  return { ...all, [name]: value };
}

export function addOutbound(program: Command): void {
  sends(program.command("call <to>"))
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
  sends(program.command("text <to> <message>"))
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
    .option("--from <number>", "one of the agent's numbers; else the first that may be used")
    .option("--idempotency-key <key>", "the key of an earlier try, which is not repeated if it succeeded");
}

type CallOptions = SendOptions & { prompt?: string; var?: Variables };

async function call(to_number: string, chosen: CallOptions, command: Command): Promise<void> {
  const { agent: agent_id, from: from_number, prompt, var: dynamic_vars } = chosen;
  const body = { agent_id, to_number, from_number, prompt, dynamic_vars };
  await sendOnce(
    "/v1/calls/outbound",
    body,
    chosen,
    command,
    ({ call_id, to, from }) => `${from} calls ${to}: ${call_id}`,
  );
}

async function sendText(to: string, given: string, chosen: SendOptions, command: Command): Promise<void> {
  const message = given === "-" ? (await text(process.stdin)).trimEnd() : given;
  const body = { agent_id: chosen.agent, to, message, from_number: chosen.from };
  await sendOnce(
    "/v1/sms",
    body,
    chosen,
    command,
    ({ message_id, from }) => `${from} texts ${to}: ${message_id}`,
  );
}

/** If nobody knows what became of it, says how to find out without sending twice. */
async function sendOnce(
  path: string,
  body: unknown,
  { idempotencyKey: key = randomUUID() }: SendOptions,
  command: Command,
  sentence: (answer: Record<string, string>) => string,
): Promise<void> {
  const { send, options } = opened(command);
  try {
    const response = await send("POST", path, { body, headers: { "idempotency-key": key } });
    const answer = (await response.json()) as Record<string, string>;
    print(options.json, answer, () => sentence(answer));
  } catch (error) {
    const isUnknown =
      error instanceof NixflexError ? error.details.outcome === "unknown" : error instanceof Unreachable;
    if (isUnknown)
      note(`It may have been sent. To find out, run the same command with --idempotency-key ${key}`);
    throw error;
  }
}
