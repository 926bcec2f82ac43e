import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import type { components, operations } from "@nixflex/numbers";
import type { Command } from "commander";
import { confirm } from "../ask.ts";
import { usage } from "../failures.ts";
import { dryRunOption, examples, limitOption, opened, yesOption } from "../options.ts";
import { fields, print, table } from "../output.ts";
import { listAll } from "../pages.ts";

type Agent = components["schemas"]["Agent"];
type NewAgent = operations["createAgent"]["requestBody"]["content"]["application/json"];
type AgentChange = operations["updateAgent"]["requestBody"]["content"]["application/json"];

export function addAgents(program: Command): void {
  const agents = program.command("agents").description("list and edit your agents");
  agents.command("list").description("list your agents").addOption(limitOption()).action(listAgents);
  agents
    .command("show <agent>")
    .description("show an agent")
    .action(async (agent_id: string, _: unknown, command: Command) => {
      const { nixflex, options } = opened(command);
      const agent = await nixflex.getAgent({ path: { agent_id } });
      print(options.json, agent, () => agentText(agent));
    });
  takesAgent(agents.command("create"))
    .description("create an agent")
    .addHelpText(
      "after",
      examples(
        'nixflex-numbers agents create --name Receptionist --welcome "Hello, this is Acme."',
        "nixflex-numbers agents create --file agent.json",
      ),
    )
    .action(async (chosen: AgentOptions, command: Command) => {
      const { nixflex, options } = opened(command);
      const agent = await nixflex.createAgent({ body: (await agentOf(chosen)) as NewAgent });
      print(options.json, agent, () => agentText(agent));
    });
  takesAgent(agents.command("update <agent>"))
    .description("change an agent; what is not named keeps its value")
    .addHelpText(
      "after",
      examples("nixflex-numbers agents update agent_125207e452f8714a --prompt-file prompt.md"),
    )
    .action(async (agent_id: string, chosen: AgentOptions, command: Command) => {
      const { nixflex, options } = opened(command);
      const agent = await nixflex.updateAgent({
        path: { agent_id },
        body: (await agentOf(chosen)) as AgentChange,
      });
      print(options.json, agent, () => agentText(agent));
    });
  agents
    .command("delete <agent>")
    .description("delete an agent")
    .option("--force", "even if it has numbers: nobody answers them then")
    .addOption(dryRunOption())
    .addOption(yesOption())
    .addHelpText("after", examples("nixflex-numbers agents delete agent_125207e452f8714a --force --dry-run"))
    .action(deleteAgent);
}

async function listAgents(_: unknown, command: Command): Promise<void> {
  const { nixflex, options } = opened<{ limit?: number }>(command);
  const agents = await listAll(async (query) => {
    const { agents: entries } = await nixflex.listAgents({ query });
    return entries;
  }, options.limit);
  print(options.json, { agents }, () => {
    if (agents.length === 0) return "There are no agents.";
    return table(
      ["agent", "name", "language", "active", "connect", "events to"],
      agents.map(({ agent_id, name, language, is_active, connect, webhook_url }: SeenAgent) => [
        agent_id,
        name,
        language,
        is_active === undefined ? undefined : is_active ? "yes" : "no",
        connect?.type,
        webhook_url,
      ]),
    );
  });
}

/** Options, and the field that each sets. */
const FIELDS = {
  name: "name",
  welcome: "welcome_message",
  language: "language",
  voice: "voice_id",
  webhookUrl: "webhook_url",
} as const;

type AgentOptions = Partial<Record<keyof typeof FIELDS, string>> & { promptFile?: string; file?: string };

function takesAgent(command: Command): Command {
  return command
    .option("--name <name>", "what you call it")
    .option("--prompt-file <file>", "a file with its instructions (system_prompt); - reads standard input")
    .option("--welcome <text>", "what a caller hears first (welcome_message)")
    .option("--language <tag>", "the language, such as en-GB")
    .option("--voice <id>", "a voice for its runtime (voice_id)")
    .option("--webhook-url <url>", "where its events go")
    .option("--file <file>", "a JSON file with any fields of an agent; - reads standard input");
}

async function agentOf({ file, promptFile, ...chosen }: AgentOptions): Promise<Record<string, unknown>> {
  if (file === "-" && promptFile === "-") throw usage("Standard input can be one file only.");
  const agent: Record<string, unknown> = file === undefined ? {} : parseAgent(file, await read(file));
  for (const [option, field] of Object.entries(FIELDS)) {
    const value = chosen[option as keyof typeof FIELDS];
    if (value !== undefined) agent[field] = value;
  }
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

async function deleteAgent(agent_id: string, { force, dryRun, yes }: DeleteOptions, command: Command) {
  const { nixflex, options } = opened(command);
  if (dryRun) {
    const { name } = await nixflex.getAgent({ path: { agent_id } });
    const { count } = await nixflex.listPhoneNumbers({ query: { agent_id, limit: 1 } });
    const becomes = force || count === 0 ? "It would be deleted" : "It would be kept: --force is missing";
    print(
      options.json,
      { dry_run: true, agent_id, name, phone_numbers: count, deleted: false },
      () =>
        `${name} (${agent_id}) answers ${count} numbers. ${becomes}. Nothing was changed: this is a dry run.`,
    );
    return;
  }
  await confirm(`Delete ${agent_id}?${force ? " Nobody answers its numbers then." : ""}`, yes);
  const answer = await nixflex.deleteAgent({
    path: { agent_id },
    ...(force && { query: { force: "true" as const } }),
  });
  print(options.json, answer, () => `${agent_id} is deleted.`);
}

/** A secret that is limited to an external_id sees its id and its name. */
type SeenAgent = Partial<Agent>;

function agentText({ connect, ...agent }: SeenAgent): string {
  const values = Object.entries({ ...agent, connect }).map(([name, value]) => [
    name,
    typeof value === "object" && value !== null ? JSON.stringify(value) : value,
  ]);
  return fields(Object.fromEntries(values));
}
