import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import type { components, operations } from "@nixflex/numbers";
import { Option } from "commander";
import { readPhoneNumber } from "../../../src/twilio/e164.ts";
import { type Act, type Given, named, rows } from "../act.ts";
import { confirm } from "../ask.ts";
import { usage } from "../failures.ts";
import { dryRunOption, type Limited, limitOption, yesOption } from "../options.ts";
import { clean, fieldsOf, note, print } from "../output.ts";
import { listAll } from "../pages.ts";

type Agent = components["schemas"]["Agent"];
type NewAgent = operations["createAgent"]["requestBody"]["content"]["application/json"];
type AgentChange = operations["updateAgent"]["requestBody"]["content"]["application/json"];

const fieldOptions = [
  new Option("--name <name>", "what you call it"),
  new Option("--prompt-file <file>", "a file with its instructions (system_prompt); - reads standard input"),
  new Option("--welcome <text>", "what a caller hears first (welcome_message)"),
  new Option("--language <tag>", "the language, such as en-GB"),
  new Option("--voice <id>", "the voice that callers hear (voice_id)"),
  new Option("--webhook-url <url>", "where its events go"),
  new Option("--file <file>", "a JSON file with any fields of an agent; - reads standard input"),
];

export const agents: readonly Act[] = [
  {
    name: "agents list",
    does: "list your agents",
    takes: [limitOption()],
    async run({ nixflex, options }: Given<Limited>) {
      return rows<SeenAgent>(
        "agents",
        await listAll(nixflex.listAgents, {}, options.limit),
        {
          agent: (one) => one.agent_id,
          name: (one) => one.name,
          language: (one) => one.language,
          "on a call": (one) => onACall(one),
          "events to": (one) => one.webhook_url,
        },
        "There are no agents.",
      );
    },
  },
  {
    name: "agents show <agent>",
    does: "show an agent",
    async run({ nixflex }, agent_id: string) {
      return shown(await nixflex.getAgent({ path: { agent_id } }));
    },
  },
  {
    name: "agents create",
    does: "create an agent",
    takes: fieldOptions,
    examples: [
      'nixflex-numbers agents create --name Receptionist --welcome "Hello, this is Acme."',
      "nixflex-numbers agents create --file agent.json",
    ],
    async run({ nixflex, options }: Given<AgentOptions>) {
      return shown(await nixflex.createAgent({ body: (await agentOf(options)) as NewAgent }));
    },
  },
  {
    name: "agents update <agent>",
    does: "change an agent; what is not named keeps its value",
    takes: fieldOptions,
    examples: ["nixflex-numbers agents update agent_125207e452f8714a --prompt-file prompt.md"],
    async run({ nixflex, options }: Given<AgentOptions>, agent_id: string) {
      const body = (await agentOf(options)) as AgentChange;
      return shown(await nixflex.changeAgent({ path: { agent_id }, body }));
    },
  },
  {
    name: "agents try <agent> [words...]",
    does: "talk with an agent by typing: nobody is called, and nothing is kept",
    takes: [
      new Option("--number <number>", "as this number of yours, with what is its own").argParser(
        readPhoneNumber,
      ),
      new Option("--prompt-file <file>", "a file with instructions to try in place of its own"),
    ],
    help: "\nWithout words each line of standard input is what the caller says next.",
    examples: [
      'nixflex-numbers agents try agent_… "When are you open on Friday?"',
      "nixflex-numbers agents try agent_… --number +447446466847 --prompt-file draft.md",
    ],
    run: tryAgent,
  },
  {
    name: "agents delete <agent>",
    does: "delete an agent",
    takes: [
      new Option("--force", "even if it has numbers: nobody answers them then"),
      dryRunOption(),
      yesOption(),
    ],
    examples: ["nixflex-numbers agents delete agent_125207e452f8714a --force --dry-run"],
    run: deleteAgent,
  },
];

/** Options, and the field that each sets. */
const FIELDS = {
  name: "name",
  welcome: "welcome_message",
  language: "language",
  voice: "voice_id",
  webhookUrl: "webhook_url",
} as const;

type AgentOptions = Partial<Record<keyof typeof FIELDS, string>> & { promptFile?: string; file?: string };

async function agentOf({ file, promptFile, ...chosen }: AgentOptions): Promise<Record<string, unknown>> {
  if (file === "-" && promptFile === "-") throw usage("Standard input can be one file only.");
  const agent: Record<string, unknown> = file === undefined ? {} : parseAgent(file, await read(file));
  Object.assign(agent, named(chosen, FIELDS));
  if (promptFile !== undefined) agent.system_prompt = (await read(promptFile)).trimEnd();
  return agent;
}

function parseAgent(file: string, json: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Not JSON: as bad as JSON of another kind.
  }
  throw usage(`${file} must hold one JSON object with the fields of an agent.`);
}

async function read(file: string): Promise<string> {
  return file === "-" ? text(process.stdin) : readFileSync(file, "utf8");
}

type TryOptions = { number?: string; promptFile?: string };
type TryBody = operations["tryAgent"]["requestBody"]["content"]["application/json"];

/** As many as the API takes. */
const MAX_MESSAGES = 40;

async function tryAgent({ nixflex, options }: Given<TryOptions>, agent_id: string, words: string[]) {
  const { number, promptFile, json } = options;
  const own = {
    ...(number !== undefined && { phone_number: number }),
    ...(promptFile !== undefined && { system_prompt: readFileSync(promptFile, "utf8").trimEnd() }),
  };
  const messages: TryBody["messages"] = [];
  const isTyped = words.length === 0;
  if (isTyped && process.stdin.isTTY) note("Type what the caller says. Ctrl-D ends.");
  const lines = isTyped ? createInterface({ input: process.stdin }) : [words.join(" ")];
  for await (const line of lines) {
    if (line.trim() === "") continue;
    messages.push({ role: "caller", text: line });
    const body = { ...own, messages: messages.slice(-MAX_MESSAGES) };
    const answer = await nixflex.tryAgent({ path: { agent_id }, body });
    if (answer.text !== "") messages.push({ role: "agent", text: answer.text });
    print(json, answer, () => triedText(answer));
  }
  if (messages.length === 0) throw usage("Say something: as an argument, or line by line on standard input.");
  return undefined;
}

type Tried = operations["tryAgent"]["responses"][200]["content"]["application/json"];

function triedText({ text, action }: Tried): string {
  const then = { end: "ends the call", transfer: `puts the caller through to ${action?.number}` };
  return [clean(text), action && `(The agent ${then[action.type]}.)`].filter(Boolean).join("\n");
}

type DeleteOptions = { force?: true; dryRun?: true; yes?: true };

async function deleteAgent({ nixflex, options }: Given<DeleteOptions>, agent_id: string) {
  const { force, dryRun, yes } = options;
  const path = { agent_id };
  if (dryRun) {
    const { name } = await nixflex.getAgent({ path });
    const { count } = await nixflex.listPhoneNumbers({ query: { agent_id, limit: 1 } });
    const becomes = force || count === 0 ? "It would be deleted" : "It would be kept: --force is missing";
    return {
      answer: { dry_run: true, agent_id, name, phone_numbers: count, deleted: false },
      text: `${name} (${agent_id}) answers ${count} numbers. ${becomes}. Nothing was changed: this is a dry run.`,
    };
  }
  await confirm(`Delete ${agent_id}?${force ? " Nobody answers its numbers then." : ""}`, yes);
  const answer = await nixflex.deleteAgent({ path, ...(force && { query: { force: "true" as const } }) });
  return { answer, text: `${agent_id} is deleted.` };
}

/** A secret that is limited to an external_id sees its id and its name. */
type SeenAgent = Partial<Agent>;

const BY_CONNECT = {
  conversation_relay: "your runtime leads it",
  stream: "your program gets its sound",
  redirect: "your TwiML decides",
  dial: "it is put through",
};

/** What becomes of a call. */
function onACall({ is_active, connect, system_prompt }: SeenAgent): string | undefined {
  if (is_active === undefined) return undefined;
  if (!is_active) return "nobody answers: it is not active";
  if (connect && connect.type !== "builtin") return BY_CONNECT[connect.type];
  return system_prompt ? "talks by its system_prompt" : "says its welcome, and ends: no system_prompt";
}

/** The name and what becomes of a call first, then every field that says something. */
function shown(answer: SeenAgent) {
  const { agent_id, name, is_active, ...rest } = answer;
  const text = `${clean(name)} (${agent_id})\n\n${fieldsOf({ "on a call": onACall(answer), ...rest })}`;
  return { answer, text };
}
