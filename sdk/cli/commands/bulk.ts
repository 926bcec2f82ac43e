import { randomUUID } from "node:crypto";
import { renameSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { NixflexError } from "@nixflex/numbers";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Connection } from "../connection.ts";
import { EXIT, usage } from "../failures.ts";
import { readNumbers } from "../numbers-file.ts";
import {
  dryRunOption,
  examples,
  type Globals,
  isTokenGiven,
  opened,
  ownOf,
  setOption,
  type TwilioOptions,
  takesTwilioAccount,
  twilioAccount,
  twilioToken,
} from "../options.ts";
import { note, print } from "../output.ts";
import { patiently } from "../patience.ts";
import { createProgress, hasEnded, outcomesText } from "../progress.ts";

type FollowOptions = { out: string; interval: number; detach?: true };

export function addBulk(program: Command): void {
  const bulk = program
    .command("bulk")
    .description("import up to 5,000 numbers, over an account and its subaccounts");
  follows(takesTwilioAccount(bulk.command("start [file]", { isDefault: true })))
    .description(
      "import the numbers of a CSV file: phone_number, and if you like twilio_sid, agent_id and what is its own",
    )
    .option("--all", "every number of the account, without a file")
    .option("--agent <id>", "the agent of numbers that name none")
    .option("--subaccounts", "numbers may be in subaccounts of --account, whose own token is not needed")
    .addOption(setOption())
    .addOption(dryRunOption())
    .addHelpText(
      "after",
      examples(
        "nixflex-numbers bulk numbers.csv --account AC… --agent agent_… --dry-run",
        "nixflex-numbers bulk numbers.csv --account AC… --subaccounts",
        "nixflex-numbers bulk --all --account AC… --agent agent_…",
        "nixflex-numbers bulk resume imp_…",
      ),
    )
    .action(startBulk);
  follows(bulk.command("resume <import>"))
    .description("follow an import that goes on without you, and write its results")
    .action(async (id: string, chosen: FollowOptions, command: Command) => {
      const { options, ...connection } = opened(command);
      await follow(connection, id, { ...options, ...chosen });
    });
  follows(bulk.command("retry <import>"))
    .description("try the failed numbers of an ended import again")
    .option("--token-stdin", "read the Auth Token from standard input; else TWILIO_AUTH_TOKEN, or a prompt")
    .action(async (id: string, chosen: FollowOptions & TwilioOptions, command: Command) => {
      const { options, ...connection } = opened(command);
      const retry = (body: { twilio_token?: string }) =>
        connection.nixflex.retryPhoneNumberImport({ path: { import_id: id }, body });
      const withToken = async () => retry({ twilio_token: await twilioToken(chosen.tokenStdin) });
      // A connected account needs none.
      if (isTokenGiven(chosen.tokenStdin)) await withToken();
      else
        await retry({}).catch((error: unknown) => {
          if (error instanceof NixflexError && error.code === "missing_field") return withToken();
          throw error;
        });
      await follow(connection, id, { ...options, ...chosen });
    });
  bulk
    .command("cancel <import>")
    .description("end an import; what it has imported stays imported")
    .action(async (id: string, _: unknown, command: Command) => {
      const { options, nixflex } = opened(command);
      const status = await nixflex.cancelPhoneNumberImport({ path: { import_id: id } });
      print(options.json, status, () => `${id} is ${status.status}. ${outcomesText(status)}`.trim());
    });
}

function follows(command: Command): Command {
  return command
    .option("--out <file>", "where the results go; an older file is overwritten", "results.csv")
    .option("--detach", "print the import's id, and do not wait for its end")
    .addOption(
      new Option("--interval <seconds>", "how often to ask for progress").default(2).argParser((text) => {
        if (!(Number(text) > 0)) throw new InvalidArgumentError("It must be a number of seconds.");
        return Number(text);
      }),
    );
}

type StartOptions = FollowOptions &
  TwilioOptions & { all?: true; agent?: string; set?: string[]; subaccounts?: true; dryRun?: true };

async function startBulk(file: string | undefined, chosen: StartOptions, command: Command): Promise<void> {
  const { options, ...connection } = opened(command);
  if ((file === undefined) === (chosen.all === undefined))
    throw usage("Name a file of numbers, or use --all.");
  if (file === "-" && chosen.tokenStdin)
    throw usage("Standard input can be the file or the token, not both.");
  const numbers = file === undefined ? { all: true } : { items: readNumbers(file) };
  const body = {
    ...numbers,
    ...(await twilioAccount(chosen, connection.nixflex)),
    ...(chosen.agent !== undefined && { agent_id: chosen.agent }),
    ...ownOf(chosen.set),
    include_subaccounts: chosen.subaccounts === true,
    dry_run: chosen.dryRun === true,
  };
  // If the answer is lost, the same key brings it again, and nothing begins twice.
  const headers = { "idempotency-key": randomUUID() };
  const { import_id } = await patiently(() =>
    connection.nixflex.createPhoneNumberImport({ body }, { headers }),
  );
  await follow(connection, import_id, { ...options, ...chosen });
}

/** Shows progress until the import has ended, and writes its results. */
async function follow(
  { nixflex }: Connection,
  import_id: string,
  { out, interval, detach, json }: FollowOptions & Globals,
): Promise<void> {
  const resume = `nixflex-numbers bulk resume ${import_id}`;
  if (detach) {
    print(json, { import_id }, () => `${import_id} has begun. To follow it: ${resume}`);
    return;
  }
  note(`Import ${import_id}. It goes on if you end this command; to follow it again: ${resume}`);
  const progress = createProgress(process);
  const path = { import_id };
  const status = () => nixflex.getPhoneNumberImport({ path });
  let now = await patiently(status);
  progress.show(now);
  while (!hasEnded(now)) {
    await delay(interval * 1_000);
    now = await patiently(status);
    progress.show(now);
  }
  progress.end();
  const results = await patiently(async () =>
    (await nixflex.downloadPhoneNumberImportResults({ path })).text(),
  );
  // A name that nobody can have put there before, and for its owner only: the results name customers.
  const part = `${out}.${randomUUID()}.part`;
  writeFileSync(part, results, { flag: "wx", mode: 0o600 });
  renameSync(part, out);
  print(
    json,
    { ...now, results: out },
    () => `${now.status}: ${outcomesText(now) || "no numbers"}. Results: ${out}`,
  );
  for (const { twilio_sid, error } of now.account_errors)
    note(`${twilio_sid}: ${error.message} (${error.code})`);
  const { failed } = now.counts;
  if (failed > 0) note(`To try the failed ones again: nixflex-numbers bulk retry ${import_id}`);
  if (failed > 0 || now.status === "cancelled") process.exitCode = EXIT.attention;
}
