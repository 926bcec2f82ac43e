import { type Client, NixflexError } from "@nixflex/numbers";
import { Argument, InvalidArgumentError, Option } from "commander";
import { readPhoneNumber } from "../../src/twilio/e164.ts";
import { readSecret } from "./ask.ts";
import { usage } from "./failures.ts";
import { OWN_NAMES, ownName, readOwn } from "./own.ts";

// Options that several commands share.

export type Globals = { json?: true; url?: string };
export type Limited = { limit?: number };
export type Yes = { yes?: true };
export type DryRun = { dryRun?: true };
export type TokenStdin = { tokenStdin?: true };

export function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("It must be a whole number, at least 1.");
  return Number(text);
}

/** A phone number as a person writes it. */
export const numberArgument = (name = "number") => new Argument(`<${name}>`).argParser(readPhoneNumber);
export const limitOption = (does = "show this many at most") =>
  new Option("--limit <count>", does).argParser(wholeNumber);
export const intervalOption = (does: string) =>
  new Option("--interval <seconds>", does).default(2).argParser((text) => {
    if (!(Number(text) > 0)) throw new InvalidArgumentError("It must be a number of seconds.");
    return Number(text);
  });
export const dryRunOption = (does = "say what would change, and change nothing") =>
  new Option("--dry-run", does);
export const yesOption = () => new Option("-y, --yes", "do not ask");
export const agentOption = (does: string) => new Option("--agent <id>", does);
export const externalIdOption = (does: string) => new Option("--external-id <id>", does);
export const tokenOption = (
  does = "read it from standard input; else TWILIO_AUTH_TOKEN, or a prompt without echo",
) => new Option("--token-stdin", does);

export type TwilioOptions = TokenStdin & { account?: string };

export const accountOptions = (): Option[] => [
  new Option("--account <sid>", "the Twilio account that owns the numbers").env("TWILIO_ACCOUNT_SID"),
  tokenOption(
    "read its Auth Token from standard input; else TWILIO_AUTH_TOKEN, or a prompt if it is not connected",
  ),
];

/** What an import says of its account: one that is known needs no token, and no SID if it is the only one. */
export async function twilioAccount(
  { account, tokenStdin }: TwilioOptions,
  nixflex: Client,
): Promise<{ twilio_sid?: string; twilio_token?: string }> {
  if (account !== undefined) {
    const isKnown = !isTokenGiven(tokenStdin) && (await knows(account, nixflex));
    return { twilio_sid: account, ...(!isKnown && { twilio_token: await twilioToken(tokenStdin) }) };
  }
  const { count } = await nixflex.listTwilioAccounts({ query: { limit: 1 } });
  if (count === 1) return {};
  throw usage("The Twilio account is missing. Use --account, or set TWILIO_ACCOUNT_SID.");
}

async function knows(account: string, nixflex: Client): Promise<boolean> {
  try {
    await nixflex.getTwilioAccount({ path: { twilio_account_id: account } });
    return true;
  } catch (error) {
    if (!(error instanceof NixflexError) || error.code !== "account_not_found") throw error;
    // Connected in several Regions, it is known too.
    const { twilio_account_ids: ids } = error.details as { twilio_account_ids?: unknown[] };
    return ids !== undefined && ids.length > 0;
  }
}

export const isTokenGiven = (tokenStdin: true | undefined): boolean =>
  tokenStdin === true || process.env.TWILIO_AUTH_TOKEN !== undefined;

export const twilioToken = (tokenStdin: true | undefined): Promise<string> =>
  readSecret({
    name: "Twilio Auth Token",
    variable: "TWILIO_AUTH_TOKEN",
    option: "--token-stdin",
    isStdin: tokenStdin,
  });

/** What is a number's own, of arguments `NAME=VALUE`. */
export function ownOf(pairs: readonly string[] = [], names: readonly string[] = OWN_NAMES) {
  const settings = pairs.map((pair): [string, string] => {
    const [, name = pair, value] = /^([^=]*)=([\s\S]*)$/.exec(pair) ?? [];
    const known = ownName(name, names);
    if (known !== undefined && value !== undefined) return [known, value];
    throw usage(`${JSON.stringify(pair)} is no setting. Say NAME=VALUE; the names are ${names.join(", ")}.`);
  });
  return readOwn(settings);
}

export const setOption = () =>
  new Option("--set <name=value...>", "what is the number's own, such as label or dynamic_vars.hours");
