import { Argument, Command } from "commander";
import type { Act } from "./act.ts";
import { ACTS, NOUNS } from "./acts.ts";
import { addCompletion } from "./completion.ts";
import { openConnection } from "./connection.ts";
import type { Globals } from "./options.ts";
import { print } from "./output.ts";

/** Set when the program is built. */
declare const VERSION: string;

const EXIT_CODES = `
Exit codes:
  0  done                       3  the deployment does not answer
  1  the API refused            4  not signed in
  2  the command is wrong       5  done, but some of it needs attention
Environment: NIXFLEX_BASE_URL, NIXFLEX_API_KEY, TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, NO_COLOR`;

const EXAMPLES = [
  "nixflex-numbers login --url https://numbers.example.com",
  "nixflex-numbers import +447446466847 --agent agent_… --account AC… --dry-run",
  "nixflex-numbers numbers list --health",
  "nixflex-numbers bulk numbers.csv --account AC… --subaccounts",
];

/** Examples at the end of a command's help. */
const examples = (lines: readonly string[]): string =>
  `\nExamples:\n${lines.map((line) => `  $ ${line}`).join("\n")}`;

/** @param isJson whether errors are told as JSON, which is the caller's to do */
export function createProgram(isJson: boolean): Command {
  const program = new Command("nixflex-numbers")
    .description("Your own Twilio numbers, answered by your agents.")
    .version(VERSION)
    .option("--json", "print the API's answer as JSON, and errors too")
    .option("--url <url>", "the deployment; else NIXFLEX_BASE_URL, or the one of `login`")
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError("(--help shows what is possible)")
    .exitOverride()
    .configureOutput(isJson ? { writeErr: () => {} } : {})
    .addHelpText("after", `${examples(EXAMPLES)}\n${EXIT_CODES}`);
  for (const act of ACTS) add(act, program);
  addCompletion(program);
  return program;
}

function add({ name, does, takes = [], run, ...act }: Act, program: Command): void {
  const [, words = "", taken = ""] = /^([a-z -]+?)((?: [<[].*)?)$/.exec(name) ?? [];
  const nouns = words.split(" ");
  const verb = nouns.pop() ?? "";
  const parent = nouns.reduce(nounOf, program);
  const command = parent
    .command(verb + taken)
    .description(does)
    .action(async (...given: unknown[]) => {
      const options = command.optsWithGlobals<Globals>();
      const context = {
        options,
        get nixflex() {
          return openConnection(options).nixflex;
        },
      };
      const shown = await run(context as never, ...(given.slice(0, -2) as never[]));
      if (shown === undefined) return;
      print(options.json, shown.answer, () => shown.text);
      if (shown.exit !== undefined) process.exitCode = shown.exit;
    });
  for (const one of takes) {
    if (one instanceof Argument) command.addArgument(one);
    else command.addOption(one);
  }
  const help = [act.help, act.examples && examples(act.examples)].filter(Boolean).join("\n");
  if (help) command.addHelpText("after", help);
}

function nounOf(parent: Command, noun: string): Command {
  const known = parent.commands.find((one) => one.name() === noun);
  return known ?? parent.command(noun).description(NOUNS[noun] ?? "");
}
