import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import type { components, operations } from "@nixflex/numbers";
import { Option } from "commander";
import { type Act, type Given, named, rows } from "../act.ts";
import { confirm } from "../ask.ts";
import { usage } from "../failures.ts";
import { dryRunOption, type Limited, limitOption, yesOption } from "../options.ts";
import { clean, fieldsOf } from "../output.ts";
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
