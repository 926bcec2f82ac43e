import { randomUUID } from "node:crypto";
import { type Client, type components, NixflexError } from "@nixflex/numbers";
import { Argument, Option } from "commander";
import { readPhoneNumber } from "../../../src/twilio/e164.ts";
import type { Act, Given, Shown } from "../act.ts";
import { confirm } from "../ask.ts";
import { EXIT, usage } from "../failures.ts";
import { readNumbers } from "../numbers-file.ts";
import { agentOption, type DryRun, dryRunOption, type Yes, yesOption } from "../options.ts";
import { note, table } from "../output.ts";
import { listAll } from "../pages.ts";
import { patiently } from "../patience.ts";
import { NOTHING_CHANGED, releasePlanText, releaseText } from "./number-texts.ts";
import { DRY_RUN } from "./numbers.ts";

type Released =
  | components["schemas"]["ReleasedNumber"]
  | components["schemas"]["ReleasePlan"]["phone_number"];
type ReleaseOptions = DryRun & Yes & { agent?: string; file?: string };

export const release: readonly Act[] = [
  {
    name: "release",
    does: "restore what the import overwrote at Twilio, and forget the number; you keep it at Twilio",
    takes: [
      new Argument("[number]").argParser(readPhoneNumber),
      agentOption("every number of this agent"),
      new Option(
        "--file <file>",
        "the numbers of a CSV file with a column phone_number; - is standard input",
      ),
      dryRunOption(),
      yesOption(),
    ],
    examples: [
      "nixflex-numbers release +447446466847 --dry-run",
      "nixflex-numbers release --agent agent_… --dry-run",
      "nixflex-numbers release --file results.csv --yes",
    ],
    run: releaseNumbers,
  },
];

async function releaseNumbers({ nixflex, options }: Given<ReleaseOptions>, number: string | undefined) {
  const { agent, file, dryRun, yes } = options;
  if ([number, agent, file].filter((one) => one !== undefined).length !== 1)
    throw usage("Name a number, --agent or --file: one of them.");
  if (number !== undefined) {
    if (!dryRun) await confirm(`Release ${number}? Its agent stops answering it.`, yes);
    return ofOne(nixflex, number, dryRun);
  }
  const chosen =
    agent === undefined
      ? readNumbers(file ?? "")
      : await listAll(nixflex.listPhoneNumbers, { query: { agent_id: agent } });
  if (!dryRun) await confirm(`Release ${chosen.length} numbers? Nobody answers them then.`, yes);
  return ofMany(
    nixflex,
    chosen.map(({ phone_number }) => phone_number),
    dryRun,
  );
}

const ask = (nixflex: Client, number: string, dryRun: true | undefined, headers = {}) =>
  nixflex.releasePhoneNumber({ path: { number }, ...(dryRun && DRY_RUN) }, { headers });

async function ofOne(nixflex: Client, number: string, dryRun: true | undefined): Promise<Shown> {
  const answer = await ask(nixflex, number, dryRun);
  const text = "dry_run" in answer ? releasePlanText(answer) : releaseText(answer.phone_number);
  return { answer, text, ...attention([answer.phone_number]) };
}

/** One after the other, as Twilio likes it. What is refused stops no other. */
async function ofMany(nixflex: Client, numbers: string[], dryRun: true | undefined): Promise<Shown> {
  const phone_numbers: Released[] = [];
  const errors: { phone_number: string; error: { code: string; message: string } }[] = [];
  for (const number of numbers) {
    // If the answer is lost, the same key brings it again.
    const headers = { "idempotency-key": randomUUID() };
    try {
      phone_numbers.push((await patiently(() => ask(nixflex, number, dryRun, headers))).phone_number);
    } catch (error) {
      if (!(error instanceof NixflexError)) throw error;
      const { code, message } = error;
      errors.push({ phone_number: number, error: { code, message } });
      note(`${number}: ${message} (${code})`);
    }
  }
  const lines = phone_numbers.map(({ phone_number, twilio, reason }) => [
    phone_number,
    twilio.voice,
    twilio.sms,
    twilio.status_callback,
    reason,
  ]);
  return {
    answer: { phone_numbers, errors },
    text: [
      table(["number", "voice", "sms", "status callback", "reason"], lines),
      dryRun ? NOTHING_CHANGED : `${phone_numbers.length} of ${numbers.length} numbers are released.`,
    ].join("\n\n"),
    ...(errors.length > 0 ? { exit: EXIT.attention } : attention(phone_numbers)),
  };
}

/** What could not be restored at Twilio needs somebody. */
const attention = (released: readonly Released[]): { exit?: number } =>
  released.some(({ twilio }) => Object.values(twilio).includes("unreachable"))
    ? { exit: EXIT.attention }
    : {};
