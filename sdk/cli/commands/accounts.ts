import type { Command } from "commander";
import { confirm, readSecret } from "../ask.ts";
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
    .option("--token-stdin", "read the secret from standard input; else TWILIO_AUTH_TOKEN, or a prompt")
    .option(
      "--api-key <sid>",
      "an API key (SK…) in place of the Auth Token; its secret: TWILIO_API_KEY_SECRET",
    )
    .option("--signing-key <id>", "the SharedKey that signs webhooks; its secret: WEBHOOK_SIGNING_KEY")
    .option("--region <name>", "the Twilio Region of the token, such as ie1; else it is found")
    .addHelpText(
      "after",
      examples(
        "nixflex-numbers accounts connect AC…",
        "pass show twilio | nixflex-numbers accounts connect AC… --token-stdin",
        "nixflex-numbers accounts connect AC… --api-key SK…",
        "nixflex-numbers accounts connect AC… --signing-key webhooks_sharedkey_…",
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

type ConnectOptions = { tokenStdin?: true; apiKey?: string; signingKey?: string; region?: "us1" };

async function connectAccount(sid: string, chosen: ConnectOptions, command: Command): Promise<void> {
  const { nixflex, options } = opened(command);
  const answer = await nixflex.connectTwilioAccount({
    body: {
      twilio_sid: sid,
      ...(await credentialOf(chosen)),
      ...(chosen.region !== undefined && { region: chosen.region }),
    },
  });
  const { twilio_sid, friendly_name, status, to_do } = answer.twilio_account;
  print(options.json, answer, () =>
    [
      `${twilio_sid} (${friendly_name ?? "without a name"}) is ${status}.`,
      ...to_do.map(({ step, request }) => `\n${step}:\n  ${request}`),
    ].join("\n"),
  );
}

/** The secret of what the options name; the Auth Token's if they name nothing. */
async function credentialOf({ tokenStdin, apiKey, signingKey }: ConnectOptions) {
  if (apiKey === undefined && signingKey === undefined)
    return { twilio_token: await twilioToken(tokenStdin) };
  const secretOf = (name: string, variable: string, isStdin?: true) =>
    readSecret({ name, variable, option: "--token-stdin", isStdin });
  return {
    ...(apiKey !== undefined && {
      twilio_api_key_sid: apiKey,
      twilio_api_key_secret: await secretOf("secret of the API key", "TWILIO_API_KEY_SECRET", tokenStdin),
    }),
    ...(signingKey !== undefined && {
      webhook_signing_key_id: signingKey,
      webhook_signing_key: await secretOf(
        "secret of the SharedKey",
        "WEBHOOK_SIGNING_KEY",
        apiKey === undefined ? tokenStdin : undefined,
      ),
    }),
  };
}
