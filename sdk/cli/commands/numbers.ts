import type { components, operations } from "@nixflex/numbers";
import type { Command } from "commander";
import { confirm } from "../ask.ts";
import type { Connection } from "../connection.ts";
import { EXIT } from "../failures.ts";
import {
  dryRunOption,
  examples,
  limitOption,
  numberArgument,
  opened,
  ownOf,
  setOption,
  type TwilioOptions,
  takesTwilioAccount,
  twilioAccount,
  yesOption,
} from "../options.ts";
import { cellOf, fields, print, table } from "../output.ts";
import { listAll } from "../pages.ts";
import { changeText, importPlanText, releasePlanText, releaseText } from "./number-texts.ts";

type PhoneNumber = components["schemas"]["PhoneNumber"];
type Health = PhoneNumber["health"];
type ListQuery = NonNullable<operations["listPhoneNumbers"]["parameters"]["query"]>;

const DRY_RUN = { dry_run: "true" } as const;

export function addNumbers(program: Command): void {
  takesTwilioAccount(program.command("import").addArgument(numberArgument()))
    .description("import a number of a Twilio account under an agent")
    .requiredOption("--agent <id>", "the agent that answers it")
    .addOption(dryRunOption())
    .addOption(setOption())
    .option("--plan-hash <hash>", "import only if the number is as `plan` found it")
    .addHelpText(
      "after",
      examples(
        "nixflex-numbers import +447446466847 --agent agent_125207e452f8714a --account AC…",
        'nixflex-numbers import +447446466847 --agent agent_… --account AC… --set label="Acme Dental" dynamic_vars.hours="9 to 5"',
        "pass show twilio | nixflex-numbers import +447446466847 --agent agent_… --account AC… --token-stdin",
      ),
    )
    .action(importNumber);
  takesTwilioAccount(program.command("plan").addArgument(numberArgument()))
    .description("say what an import would change, and who answers the number today")
    .requiredOption("--agent <id>", "the agent that would answer it")
    .addOption(setOption())
    .addHelpText("after", examples("nixflex-numbers plan +447446466847 --agent agent_… --account AC…"))
    .action((number: string, options: ImportOptions, command: Command) =>
      importNumber(number, { ...options, dryRun: true }, command),
    );
  program
    .command("list")
    .description("list your numbers")
    .option("--health [health]", "only numbers of this health; without a value, all that are not ok")
    .option("--agent <id>", "only numbers of this agent")
    .option("--external-id <id>", "only numbers with this id of yours")
    .option("--account <sid>", "only numbers of this Twilio account")
    .addOption(limitOption())
    .addHelpText(
      "after",
      examples(
        "nixflex-numbers list --health",
        "nixflex-numbers list --health credentials_rejected --json",
        "nixflex-numbers list --agent agent_125207e452f8714a",
      ),
    )
    .action(listNumbers);
  program
    .command("show")
    .addArgument(numberArgument())
    .description("show all that is known of a number")
    .action(async (number: string, _: unknown, command: Command) => {
      const { nixflex, options } = opened(command);
      const answer = await nixflex.getPhoneNumber({ path: { number } });
      print(options.json, answer, () => numberText(answer.phone_number));
    });
  program
    .command("check")
    .addArgument(numberArgument())
    .description("compare a number with Twilio now, and repair it unless its drift_policy is report")
    .action(async (number: string, _: unknown, command: Command) => {
      const { nixflex, options } = opened(command);
      const answer = await nixflex.checkPhoneNumber({ path: { number } });
      print(options.json, answer, () => numberText(answer.phone_number));
      if (answer.phone_number.health !== "ok") process.exitCode = EXIT.attention;
    });
  program
    .command("move")
    .addArgument(numberArgument())
    .description("have another agent answer a number")
    .requiredOption("--agent <id>", "the agent that answers it from now on")
    .addOption(dryRunOption())
    .addHelpText("after", examples("nixflex-numbers move +447446466847 --agent agent_… --dry-run"))
    .action(moveNumber);
  program
    .command("set")
    .addArgument(numberArgument())
    .argument("<name=value...>", "what is the number's own; without a value it is the agent's again")
    .description("give a number settings, an id or a label of its own")
    .addOption(dryRunOption())
    .addHelpText(
      "after",
      examples(
        'nixflex-numbers set +447446466847 label="Acme Dental" dynamic_vars.hours="9 to 5" --dry-run',
        "nixflex-numbers set +447446466847 transfer_numbers=+441632960123,+441632960124 welcome_message=",
      ),
    )
    .action(setNumber);
  program
    .command("release")
    .addArgument(numberArgument())
    .description("restore what the import overwrote at Twilio, and forget the number; you keep it at Twilio")
    .addOption(dryRunOption())
    .addOption(yesOption())
    .addHelpText(
      "after",
      examples(
        "nixflex-numbers release +447446466847 --dry-run",
        "nixflex-numbers release +447446466847 --yes",
      ),
    )
    .action(releaseNumber);
}

type ImportOptions = TwilioOptions & { agent: string; set?: string[]; dryRun?: true; planHash?: string };

async function importNumber(number: string, chosen: ImportOptions, command: Command): Promise<void> {
  const { nixflex, options } = opened(command);
  const { agent: agent_id, set, dryRun, planHash } = chosen;
  const own = ownOf(set);
  const credentials = await twilioAccount(chosen, nixflex);
  const answer = await nixflex.importPhoneNumber({
    ...(dryRun && { query: DRY_RUN }),
    body: {
      phone_number: number,
      ...credentials,
      agent_id,
      ...own,
      ...(planHash !== undefined && { plan_hash: planHash }),
    },
  });
  print(options.json, answer, () => {
    if ("dry_run" in answer) return importPlanText(answer);
    return `${answer.phone_number.phone_number} is answered by ${answer.phone_number.agent_id}.`;
  });
}

type ListOptions = {
  health?: Health | true;
  agent?: string;
  externalId?: string;
  account?: string;
  limit?: number;
};

async function listNumbers(_: unknown, command: Command): Promise<void> {
  const { nixflex, options } = opened<ListOptions>(command);
  const { health, agent, externalId, account, limit, json } = options;
  const filter: ListQuery = {
    ...(agent !== undefined && { agent_id: agent }),
    ...(externalId !== undefined && { external_id: externalId }),
    ...(account !== undefined && { twilio_sid: account }),
  };
  const found = await Promise.all(
    (await healthsOf(nixflex, health)).map((one) =>
      listAll(async (page) => {
        const query = { ...filter, ...(one !== undefined && { health: one }), ...page };
        const { phone_numbers: entries } = await nixflex.listPhoneNumbers({ query });
        return entries;
      }, limit),
    ),
  );
  const phone_numbers = found.flat().slice(0, limit);
  print(json, { phone_numbers }, () => {
    if (phone_numbers.length === 0) return health === true ? "All numbers are ok." : "There are no numbers.";
    return table(
      ["label", "external id", "number", "agent", "health", "account", "last call or text"],
      phone_numbers.map((number) => [
        number.label,
        number.external_id,
        number.phone_number,
        number.agent_id,
        number.health === "ok" ? "ok" : number.health_reasons.join(", "),
        number.twilio_sid,
        number.last_inbound_at,
      ]),
    );
  });
}

/** The healths to ask for, one list each; undefined asks for all numbers. */
async function healthsOf(
  nixflex: Connection["nixflex"],
  health: Health | true | undefined,
): Promise<(Health | undefined)[]> {
  if (health !== true) return [health];
  const { phone_numbers } = await nixflex.getAccountHealth();
  return Object.keys(phone_numbers.by_health).filter((one) => one !== "ok") as Health[];
}

async function moveNumber(number: string, chosen: { agent: string; dryRun?: true }, command: Command) {
  const { nixflex, options } = opened(command);
  const answer = await nixflex.changePhoneNumber({
    path: { number },
    ...(chosen.dryRun && { query: DRY_RUN }),
    body: { agent_id: chosen.agent },
  });
  print(options.json, answer, () => {
    if ("dry_run" in answer) return changeText(answer);
    return `${answer.phone_number.phone_number} is answered by ${answer.phone_number.agent_id}.`;
  });
}

async function setNumber(number: string, pairs: string[], chosen: { dryRun?: true }, command: Command) {
  const { nixflex, options } = opened(command);
  const own = ownOf(pairs);
  const path = { number };
  if (own.dynamic_vars) {
    // The API replaces them whole. A person who names one means that one.
    const { dynamic_vars } = (await nixflex.getPhoneNumber({ path })).phone_number;
    const named = Object.entries({ ...dynamic_vars, ...own.dynamic_vars });
    own.dynamic_vars = Object.fromEntries(named.filter(([, value]) => value !== null));
  }
  const answer = await nixflex.changePhoneNumber({
    path,
    ...(chosen.dryRun && { query: DRY_RUN }),
    body: own,
  });
  print(options.json, answer, () =>
    "dry_run" in answer ? changeText(answer) : numberText(answer.phone_number),
  );
}

async function releaseNumber(number: string, chosen: { dryRun?: true; yes?: true }, command: Command) {
  const { nixflex, options } = opened(command);
  if (!chosen.dryRun) await confirm(`Release ${number}? Its agent stops answering it.`, chosen.yes);
  const answer = await nixflex.releasePhoneNumber({
    path: { number },
    ...(chosen.dryRun && { query: DRY_RUN }),
  });
  print(options.json, answer, () =>
    "dry_run" in answer ? releasePlanText(answer) : releaseText(answer.phone_number),
  );
  if ("dry_run" in answer) return;
  const { voice, sms, status_callback } = answer.phone_number.twilio;
  if ([voice, sms, status_callback].includes("unreachable")) process.exitCode = EXIT.attention;
}

function numberText({
  label,
  external_id,
  health,
  health_reasons,
  warnings,
  ...number
}: PhoneNumber): string {
  const shown = {
    label,
    external_id,
    ...number,
    health: health === "ok" ? health : health_reasons.join(", "),
    warnings: warnings.map(({ code }) => code).join(", "),
  };
  return fields(Object.fromEntries(Object.entries(shown).map(([name, value]) => [name, cellOf(value)])));
}
