import { randomUUID } from "node:crypto";
import { renameSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { type Client, NixflexError } from "@nixflex/numbers";
import { Option } from "commander";
import { type Act, type Given, named, rows, type Shown } from "../act.ts";
import { EXIT, usage } from "../failures.ts";
import { readNumbers } from "../numbers-file.ts";
import {
  accountOptions,
  agentOption,
  type DryRun,
  dryRunOption,
  intervalOption,
  isTokenGiven,
  type Limited,
  limitOption,
  ownOf,
  setOption,
  type TokenStdin,
  type TwilioOptions,
  tokenOption,
  twilioAccount,
  twilioToken,
} from "../options.ts";
import { note } from "../output.ts";
import { listAll } from "../pages.ts";
import { patiently } from "../patience.ts";
import { createProgress, hasEnded, outcomesText } from "../progress.ts";
import { planCsv } from "./plan-csv.ts";

type FollowOptions = { out: string; interval: number; detach?: true };

const followOptions = [
  new Option("--out <file>", "where the results go; an older file is overwritten").default("results.csv"),
  new Option("--detach", "print the import's id, and do not wait for its end"),
  intervalOption("how often to ask for progress"),
];

export const bulk: readonly Act[] = [
  {
    name: "bulk [file]",
    does: "import the numbers of a CSV file: phone_number, and if you like twilio_sid, agent_id and what is its own",
    takes: [
      new Option("--all", "every number of the account, without a file"),
      agentOption("the agent of numbers that name none"),
      ...accountOptions(),
      new Option(
        "--subaccounts",
        "numbers may be in subaccounts of --account, whose own token is not needed",
      ),
      setOption(),
      dryRunOption("write into the results who answers each number today, and change nothing"),
      ...followOptions,
    ],
    help: `
One import has one Auth Token: that of --account. Accounts that are not its subaccounts are connected before
(\`accounts connect\`), or imported one after the other.`,
    examples: [
      "nixflex-numbers bulk numbers.csv --account AC… --agent agent_… --dry-run --out plan.csv",
      "nixflex-numbers bulk numbers.csv --account AC… --subaccounts",
      "nixflex-numbers bulk --all --account AC… --agent agent_…",
    ],
    run: startBulk,
  },
  {
    name: "imports list",
    does: "list your bulk imports, the newest first",
    takes: [limitOption()],
    async run({ nixflex, options }: Given<Limited>) {
      return rows(
        "phone_number_imports",
        await listAll(nixflex.listPhoneNumberImports, {}, options.limit),
        {
          import: (one) => one.import_id,
          status: (one) => one.status,
          "dry run": (one) => (one.dry_run ? "yes" : "no"),
          numbers: (one) => one.total,
          outcomes: (one) => outcomesText(one),
          created: (one) => one.created_at,
        },
        "There are no imports.",
      );
    },
  },
  {
    name: "imports resume <import>",
    does: "follow an import that goes on without you, and write its results",
    takes: followOptions,
    run: ({ nixflex, options }: Given<FollowOptions>, id: string) => follow(nixflex, id, options),
  },
  {
    name: "imports retry <import>",
    does: "try the failed numbers of an ended import again",
    takes: [
      tokenOption("read the Auth Token from standard input; else TWILIO_AUTH_TOKEN, or a prompt"),
      ...followOptions,
    ],
    async run({ nixflex, options }: Given<FollowOptions & TokenStdin>, import_id: string) {
      const retry = (body: { twilio_token?: string }) =>
        nixflex.retryPhoneNumberImport({ path: { import_id }, body });
      const withToken = async () => retry({ twilio_token: await twilioToken(options.tokenStdin) });
      // A connected account needs none.
      if (isTokenGiven(options.tokenStdin)) await withToken();
      else
        await retry({}).catch((error: unknown) => {
          if (error instanceof NixflexError && error.code === "missing_field") return withToken();
          throw error;
        });
      return follow(nixflex, import_id, options);
    },
  },
  {
    name: "imports cancel <import>",
    does: "end an import; what it has imported stays imported",
    async run({ nixflex }, import_id: string) {
      const status = await nixflex.cancelPhoneNumberImport({ path: { import_id } });
      return { answer: status, text: `${import_id} is ${status.status}. ${outcomesText(status)}`.trim() };
    },
  },
];

type StartOptions = FollowOptions &
  TwilioOptions &
  DryRun & { all?: true; agent?: string; set?: string[]; subaccounts?: true };

async function startBulk({ nixflex, options }: Given<StartOptions>, file: string | undefined) {
  if ((file === undefined) === (options.all === undefined))
    throw usage("Name a file of numbers, or use --all.");
  if (file === "-" && options.tokenStdin)
    throw usage("Standard input can be the file or the token, not both.");
  const numbers = file === undefined ? { all: true } : { items: readNumbers(file) };
  const body = {
    ...numbers,
    ...(await twilioAccount(options, nixflex)),
    ...named(options, { agent: "agent_id" }),
    ...ownOf(options.set),
    include_subaccounts: options.subaccounts === true,
    dry_run: options.dryRun === true,
  };
  // If the answer is lost, the same key brings it again, and nothing begins twice.
  const headers = { "idempotency-key": randomUUID() };
  const { import_id } = await patiently(() => nixflex.createPhoneNumberImport({ body }, { headers }));
  return follow(nixflex, import_id, options);
}

/** Shows progress until the import has ended, and writes its results. */
async function follow(
  nixflex: Client,
  import_id: string,
  { out, interval, detach }: FollowOptions,
): Promise<Shown> {
  const resume = `nixflex-numbers imports resume ${import_id}`;
  if (detach) return { answer: { import_id }, text: `${import_id} has begun. To follow it: ${resume}` };
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
    now.dry_run
      ? planCsv(await listAll(nixflex.listPhoneNumberImportResults, { path }))
      : (await nixflex.downloadPhoneNumberImportResults({ path })).text(),
  );
  // A name that nobody can have put there before, and for its owner only: the results name customers.
  const part = `${out}.${randomUUID()}.part`;
  writeFileSync(part, results, { flag: "wx", mode: 0o600 });
  renameSync(part, out);
  for (const { twilio_sid, error } of now.account_errors)
    note(`${twilio_sid}: ${error.message} (${error.code})`);
  const { failed } = now.counts;
  if (failed > 0)
    note(
      now.dry_run
        ? `Mend the failed ones, whose errors are in ${out}, or import without them.`
        : `To try the failed ones again: nixflex-numbers imports retry ${import_id}`,
    );
  return {
    answer: now,
    text: `${now.status}: ${outcomesText(now) || "no numbers"}. Results: ${out}`,
    ...((failed > 0 || now.status === "cancelled") && { exit: EXIT.attention }),
  };
}
