import type { components, operations } from "@nixflex/numbers";
import { Option } from "commander";
import { type Act, type Given, named, rows } from "../act.ts";
import { confirm, readSecret } from "../ask.ts";
import {
  type Limited,
  limitOption,
  type TokenStdin,
  tokenOption,
  twilioToken,
  type Yes,
  yesOption,
} from "../options.ts";
import { fieldsOf } from "../output.ts";
import { listAll } from "../pages.ts";
import { answererText } from "./number-texts.ts";

type Account = components["schemas"]["TwilioAccount"];
type ConnectBody = operations["connectTwilioAccount"]["requestBody"]["content"]["application/json"];
type Region = NonNullable<ConnectBody["region"]>;

export const accounts: readonly Act[] = [
  {
    name: "accounts list",
    does: "list the accounts that are known",
    takes: [limitOption()],
    async run({ nixflex, options }: Given<Limited>) {
      return rows(
        "twilio_accounts",
        await listAll(nixflex.listTwilioAccounts, {}, options.limit),
        {
          account: (one) => one.twilio_sid,
          name: (one) => one.friendly_name,
          region: (one) => one.region,
          status: (one) => one.status,
          health: (one) => one.health,
          numbers: (one) => one.numbers,
          id: (one) => one.twilio_account_id,
        },
        "There are no accounts.",
      );
    },
  },
  {
    name: "accounts show <account>",
    does: "show an account, by its SID or id, and what is left to do at Twilio",
    async run({ nixflex }, account: string) {
      const answer = await nixflex.getTwilioAccount({ path: { twilio_account_id: account } });
      const { to_do, ...shown } = answer.twilio_account;
      return { answer, text: [fieldsOf(shown), ...toDoText(to_do)].join("\n") };
    },
  },
  {
    name: "accounts connect <sid>",
    does: "connect an account once, so that its Auth Token is needed no more",
    takes: [
      tokenOption("read the secret from standard input; else TWILIO_AUTH_TOKEN, or a prompt"),
      new Option(
        "--api-key <sid>",
        "an API key (SK…) in place of the Auth Token; its secret: TWILIO_API_KEY_SECRET",
      ),
      new Option("--signing-key <id>", "the SharedKey that signs webhooks; its secret: WEBHOOK_SIGNING_KEY"),
      new Option("--region <name>", "the Twilio Region of the token, such as ie1; else it is found"),
    ],
    examples: [
      "nixflex-numbers accounts connect AC…",
      "pass show twilio | nixflex-numbers accounts connect AC… --token-stdin",
      "nixflex-numbers accounts connect AC… --api-key SK…",
      "nixflex-numbers accounts connect AC… --signing-key webhooks_sharedkey_…",
    ],
    async run({ nixflex, options }: Given<ConnectOptions>, twilio_sid: string) {
      const region = named(options, { region: "region" });
      const body = { twilio_sid, ...(await credentialOf(options)), ...region };
      return connected(await nixflex.connectTwilioAccount({ body }));
    },
  },
  {
    name: "accounts token <account>",
    does: "give an account the new Auth Token that was made at Twilio, for all its numbers",
    takes: [tokenOption()],
    examples: [
      "nixflex-numbers accounts token AC…",
      "pass show twilio | nixflex-numbers accounts token AC… --token-stdin",
    ],
    async run({ nixflex, options }: Given<TokenStdin>, account: string) {
      // A misspelt SID connects no other account.
      const known = await nixflex.getTwilioAccount({ path: { twilio_account_id: account } });
      const { twilio_sid, region } = known.twilio_account;
      const twilio_token = await twilioToken(options.tokenStdin);
      const body = { twilio_sid, twilio_token, region: region as Region };
      return connected(await nixflex.connectTwilioAccount({ body }));
    },
  },
  {
    name: "accounts numbers <account>",
    does: "list what numbers an account has at Twilio, and who answers them today",
    takes: [new Option("--subaccounts", "those of its subaccounts too"), limitOption()],
    async run({ nixflex, options }: Given<Limited & { subaccounts?: true }>, account: string) {
      const query = options.subaccounts ? { include_subaccounts: "true" as const } : {};
      const path = { twilio_account_id: account };
      return rows(
        "available_numbers",
        await listAll(nixflex.listAvailableNumbers, { path, query }, options.limit),
        {
          number: (one) => one.phone_number,
          name: (one) => one.friendly_name,
          imported: (one) => (one.imported ? "yes" : "no"),
          "calls today": (one) => answererText(one.answered_by.voice),
          "texts today": (one) => answererText(one.answered_by.sms),
          account: (one) => one.twilio_sid,
        },
        "There are no numbers.",
      );
    },
  },
  {
    name: "accounts disconnect <account>",
    does: "forget an account's credentials; by its SID or id",
    takes: [yesOption()],
    async run({ nixflex, options }: Given<Yes>, account: string) {
      await confirm(`Forget the credentials of ${account}?`, options.yes);
      const answer = await nixflex.disconnectTwilioAccount({ path: { twilio_account_id: account } });
      return { answer, text: `${answer.twilio_account.twilio_sid} is no longer connected.` };
    },
  },
];

type ConnectOptions = TokenStdin & { apiKey?: string; signingKey?: string; region?: Region };

function connected(answer: { twilio_account: Account }) {
  const { twilio_sid, friendly_name, status, to_do } = answer.twilio_account;
  const said = `${twilio_sid} (${friendly_name ?? "without a name"}) is ${status}.`;
  return { answer, text: [said, ...toDoText(to_do)].join("\n") };
}

const toDoText = (toDo: Account["to_do"]): string[] =>
  toDo.map(({ step, request }) => `\n${step}:\n  ${request}`);

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
