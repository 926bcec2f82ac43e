import type { Client, components, operations } from "@nixflex/numbers";
import { Argument, Option } from "commander";
import { type Act, type Given, named, rows } from "../act.ts";
import { EXIT } from "../failures.ts";
import {
  accountOptions,
  agentOption,
  type DryRun,
  dryRunOption,
  externalIdOption,
  type Limited,
  limitOption,
  numberArgument,
  ownOf,
  setOption,
  type TwilioOptions,
  twilioAccount,
} from "../options.ts";
import { CHANGE_NAMES } from "../own.ts";
import { listAll } from "../pages.ts";
import { changeText, importPlanText, mendText, numberText } from "./number-texts.ts";
import { deliveries } from "./webhooks.ts";

type PhoneNumber = components["schemas"]["PhoneNumber"];
type Health = PhoneNumber["health"];
type ChangeBody = operations["changePhoneNumber"]["requestBody"]["content"]["application/json"];

export const DRY_RUN = { query: { dry_run: "true" } } as const;

export const numbers: readonly Act[] = [
  {
    name: "import",
    does: "import a number of a Twilio account under an agent",
    takes: [
      numberArgument(),
      agentOption("the agent that answers it").makeOptionMandatory(),
      ...accountOptions(),
      dryRunOption("say what would change, and who answers the number today; change nothing"),
      setOption(),
      new Option("--plan-hash <hash>", "import only if the number is as --dry-run found it"),
    ],
    examples: [
      "nixflex-numbers import +447446466847 --agent agent_… --account AC… --dry-run",
      'nixflex-numbers import +447446466847 --agent agent_… --account AC… --set label="Acme Dental" dynamic_vars.hours="9 to 5"',
      "pass show twilio | nixflex-numbers import +447446466847 --agent agent_… --account AC… --token-stdin",
    ],
    run: importNumber,
  },
  {
    name: "numbers list",
    does: "list your numbers",
    takes: [
      new Option("--health [health]", "only numbers of this health; without a value, all that are not ok"),
      agentOption("only numbers of this agent"),
      externalIdOption("only numbers with this id of yours"),
      new Option("--account <sid>", "only numbers of this Twilio account"),
      limitOption(),
    ],
    examples: [
      "nixflex-numbers numbers list --health",
      "nixflex-numbers numbers list --health credentials_rejected --json",
      "nixflex-numbers numbers list --agent agent_125207e452f8714a",
    ],
    run: listNumbers,
  },
  {
    name: "numbers show",
    does: "show all that is known of a number",
    takes: [numberArgument()],
    async run({ nixflex }, number: string) {
      return shown(await nixflex.getPhoneNumber({ path: { number } }));
    },
  },
  {
    name: "numbers check",
    does: "compare a number with Twilio now, and repair it unless its drift_policy is report",
    takes: [numberArgument()],
    async run({ nixflex }, number: string) {
      const answer = await nixflex.checkPhoneNumber({ path: { number } });
      return { ...shown(answer), ...(answer.phone_number.health !== "ok" && { exit: EXIT.attention }) };
    },
  },
  {
    name: "numbers update",
    does: "have another agent answer a number, or change its settings, id or label",
    takes: [
      numberArgument(),
      new Argument("<name=value...>", `without a value it is the agent's again: ${CHANGE_NAMES.join(", ")}`),
      dryRunOption(),
    ],
    examples: [
      "nixflex-numbers numbers update +447446466847 agent_id=agent_… --dry-run",
      'nixflex-numbers numbers update +447446466847 label="Acme Dental" dynamic_vars.hours="9 to 5"',
      "nixflex-numbers numbers update +447446466847 transfer_numbers=+441632960123,+441632960124 welcome_message=",
      "nixflex-numbers numbers update +447446466847 inbound_enabled=no drift_policy=report",
    ],
    run: updateNumber,
  },
  {
    name: "numbers events",
    does: "list what happened to a number, the newest first",
    takes: [numberArgument(), limitOption()],
    async run({ nixflex, options }: Given<Limited>, number: string) {
      return deliveries(await listAll(nixflex.listPhoneNumberEvents, { path: { number } }, options.limit));
    },
  },
];

const shown = (answer: { phone_number: PhoneNumber }) => ({ answer, text: numberText(answer.phone_number) });

type ImportOptions = TwilioOptions & DryRun & { agent: string; set?: string[]; planHash?: string };

async function importNumber({ nixflex, options }: Given<ImportOptions>, phone_number: string) {
  const own = { ...ownOf(options.set), ...named(options, { planHash: "plan_hash" }) };
  const credentials = await twilioAccount(options, nixflex);
  const answer = await nixflex.importPhoneNumber({
    ...(options.dryRun && DRY_RUN),
    body: { phone_number, ...credentials, agent_id: options.agent, ...own },
  });
  if ("dry_run" in answer) return { answer, text: importPlanText(answer) };
  const { phone_number: number } = answer;
  return { answer, text: `${number.phone_number} is answered by ${number.agent_id}.` };
}

type ListOptions = Limited & {
  health?: Health | true;
  agent?: string;
  externalId?: string;
  account?: string;
};

async function listNumbers({ nixflex, options }: Given<ListOptions>) {
  const { health, limit } = options;
  const filter = named(options, { agent: "agent_id", externalId: "external_id", account: "twilio_sid" });
  const found = await Promise.all(
    (await healthsOf(nixflex, health)).map((one) => {
      const query = { ...filter, ...(one !== undefined && { health: one }) };
      return listAll(nixflex.listPhoneNumbers, { query }, limit);
    }),
  );
  const entries = found.flat().slice(0, limit);
  const { answer, text } = rows(
    "phone_numbers",
    entries,
    {
      label: (one) => one.label,
      "external id": (one) => one.external_id,
      number: (one) => one.phone_number,
      agent: (one) => one.agent_id,
      health: (one) => (one.health === "ok" ? "ok" : one.health_reasons.join(", ")),
      account: (one) => one.twilio_sid,
      "last call or text": (one) => one.last_inbound_at,
    },
    health === true ? "All numbers are ok." : "There are no numbers.",
  );
  return { answer, text: [text, ...(health === undefined ? [] : mendText(entries))].join("\n\n") };
}

/** The healths to ask for, one list each; undefined asks for all numbers. */
async function healthsOf(nixflex: Client, health: Health | true | undefined) {
  if (health !== true) return [health];
  const { phone_numbers } = await nixflex.getAccountHealth();
  return Object.keys(phone_numbers.by_health).filter((one) => one !== "ok") as Health[];
}

async function updateNumber({ nixflex, options }: Given<DryRun>, number: string, pairs: string[]) {
  const body: ChangeBody = ownOf(pairs, CHANGE_NAMES);
  const path = { number };
  if (body.dynamic_vars) {
    // The API replaces them whole. A person who names one means that one.
    const { dynamic_vars } = (await nixflex.getPhoneNumber({ path })).phone_number;
    const all = Object.entries({ ...dynamic_vars, ...body.dynamic_vars });
    body.dynamic_vars = Object.fromEntries(all.filter(([, value]) => value !== null));
  }
  const answer = await nixflex.changePhoneNumber({ path, ...(options.dryRun && DRY_RUN), body });
  return "dry_run" in answer ? { answer, text: changeText(answer) } : shown(answer);
}
