import type { Command } from "commander";
import { confirm } from "../ask.ts";
import { examples, opened, twilioToken, yesOption } from "../options.ts";
import { print, table } from "../output.ts";
import { listAll } from "../pages.ts";

export function addAccounts(program: Command): void {
  const accounts = program
    .command("accounts")
    .description("the Twilio accounts that numbers are imported from");
  accounts
    .command("connect <sid>")
    .description("connect an account once, so that its Auth Token is needed no more; or give it a new one")
    .option("--token-stdin", "read the Auth Token from standard input; else TWILIO_AUTH_TOKEN, or a prompt")
    .option("--region <name>", "the Twilio Region of the token, such as ie1; else it is found")
    .addHelpText(
      "after",
      examples(
        "nixflex-numbers accounts connect AC…",
        "pass show twilio | nixflex-numbers accounts connect AC… --token-stdin",
      ),
    )
    .action(connectAccount);
  accounts
    .command("list")
    .description("list the accounts that are known")
    .action(async (_: unknown, command: Command) => {
      const { nixflex, options } = opened(command);
      const twilio_accounts = await listAll(async (page) => {
        const { twilio_accounts: entries } = await nixflex.listTwilioAccounts({ query: page });
        return entries;
      });
      print(options.json, { twilio_accounts }, () => {
        if (twilio_accounts.length === 0) return "There are no accounts.";
        return table(
          ["account", "name", "region", "status", "health", "numbers", "id"],
          twilio_accounts.map((one) => [
            one.twilio_sid,
            one.friendly_name,
            one.region,
            one.status,
            one.health,
            one.numbers,
            one.twilio_account_id,
          ]),
        );
      });
    });
  accounts
    .command("delete <account>")
    .description("forget an account's credentials; by its SID or id")
    .addOption(yesOption())
    .action(async (account: string, chosen: { yes?: true }, command: Command) => {
      const { nixflex, options } = opened(command);
      await confirm(`Forget the credentials of ${account}?`, chosen.yes);
      const path = { twilio_account_id: account };
      const answer = await nixflex.disconnectTwilioAccount({ path });
      print(options.json, answer, () => `${answer.twilio_account.twilio_sid} is no longer connected.`);
    });
}

type ConnectOptions = { tokenStdin?: true; region?: "us1" };

async function connectAccount(sid: string, chosen: ConnectOptions, command: Command): Promise<void> {
  const { nixflex, options } = opened(command);
  const answer = await nixflex.connectTwilioAccount({
    body: {
      twilio_sid: sid,
      twilio_token: await twilioToken(chosen.tokenStdin),
      ...(chosen.region !== undefined && { region: chosen.region }),
    },
  });
  const { twilio_sid, friendly_name } = answer.twilio_account;
  print(options.json, answer, () => `${twilio_sid} (${friendly_name ?? "without a name"}) is connected.`);
}
