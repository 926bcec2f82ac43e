import type { Act } from "./act.ts";
import { accounts } from "./commands/accounts.ts";
import { agents } from "./commands/agents.ts";
import { bulk } from "./commands/bulk.ts";
import { calls } from "./commands/calls.ts";
import { keys } from "./commands/keys.ts";
import { links } from "./commands/links.ts";
import { listening } from "./commands/listen.ts";
import { numbers } from "./commands/numbers.ts";
import { outbound } from "./commands/outbound.ts";
import { release } from "./commands/release.ts";
import { secrets } from "./commands/secrets.ts";
import { signIn } from "./commands/sign-in.ts";
import { usage } from "./commands/usage.ts";
import { webhooks } from "./commands/webhooks.ts";
import { completing } from "./completion.ts";

/** Every command, in the order of the help. What a customer does most is one word; the rest is a noun and a verb. */
export const ACTS: readonly Act[] = [
  ...signIn,
  ...numbers,
  ...release,
  ...bulk,
  ...outbound,
  ...agents,
  ...calls,
  ...accounts,
  ...links,
  ...keys,
  ...secrets,
  ...webhooks,
  ...listening,
  ...usage,
  ...completing,
];

export const NOUNS: Record<string, string> = {
  numbers: "your numbers: who answers them, and how they are",
  imports: "bulk imports: what became of them",
  agents: "who answers your numbers",
  calls: "calls, and what was said",
  accounts: "the Twilio accounts that numbers are imported from",
  links: "links by which your customers connect their own Twilio accounts",
  keys: "your API key itself",
  secrets: "the secrets of your API key",
  webhooks: "events: where they go, what signs them, and what became of them",
  limits: "for the operator, with ADMIN_TOKEN in the environment: the limits of an API key",
};
