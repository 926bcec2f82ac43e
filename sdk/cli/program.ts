import { Command } from "commander";
import { addAccounts } from "./commands/accounts.ts";
import { addAgents } from "./commands/agents.ts";
import { addBulk } from "./commands/bulk.ts";
import { addDeliveries } from "./commands/deliveries.ts";
import { addNumbers } from "./commands/numbers.ts";
import { addOutbound } from "./commands/outbound.ts";
import { addSecrets } from "./commands/secrets.ts";
import { addSignIn } from "./commands/sign-in.ts";
import { addUsage } from "./commands/usage.ts";
import { addCompletion } from "./completion.ts";
import { examples } from "./options.ts";

/** Set when the program is built. */
declare const VERSION: string;

const EXIT_CODES = `
Exit codes:
  0  done                       3  the deployment does not answer
  1  the API refused            4  not signed in
  2  the command is wrong       5  done, but some of it needs attention
Environment: NIXFLEX_BASE_URL, NIXFLEX_API_KEY, TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, NO_COLOR`;

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
    .addHelpText(
      "after",
      `${examples(
        "nixflex-numbers login --url https://numbers.example.com",
        "nixflex-numbers plan +447446466847 --agent agent_… --account AC…",
        "nixflex-numbers list --health",
        "nixflex-numbers bulk numbers.csv --account AC… --subaccounts",
      )}\n${EXIT_CODES}`,
    );
  for (const add of [
    addSignIn,
    addSecrets,
    addAccounts,
    addNumbers,
    addBulk,
    addAgents,
    addOutbound,
    addDeliveries,
    addUsage,
    addCompletion,
  ])
    add(program);
  return program;
}
