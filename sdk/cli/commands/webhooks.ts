import type { components, operations } from "@nixflex/numbers";
import { Option } from "commander";
import { type Act, type Given, named, rows } from "../act.ts";
import { confirm } from "../ask.ts";
import { usage } from "../failures.ts";
import { agentOption, externalIdOption, type Limited, limitOption, type Yes, yesOption } from "../options.ts";
import { note } from "../output.ts";
import { listAll } from "../pages.ts";

type Delivery = components["schemas"]["Delivery"];
type Query = NonNullable<operations["listDeliveries"]["parameters"]["query"]>;

const STATES: readonly NonNullable<Query["state"]>[] = ["pending", "delivered", "failed"];
const DEFAULT_LIMIT = 25;

export const webhooks: readonly Act[] = [
  {
    name: "webhooks url [url]",
    does: "show where events go of agents without a webhook_url of their own; with a URL, change it",
    takes: [new Option("--none", "send them nowhere")],
    examples: ["nixflex-numbers webhooks url https://example.com/events"],
    async run({ nixflex, options }: Given<{ none?: true }>, url: string | undefined) {
      if (url !== undefined && options.none) throw usage("Name a URL, or use --none.");
      const isRead = url === undefined && !options.none;
      const answer = isRead
        ? await nixflex.getWebhookUrl()
        : await nixflex.setWebhookUrl({ body: { url: url ?? null } });
      return { answer, text: answer.url ?? "There is no URL." };
    },
  },
  {
    name: "webhooks secret",
    does: "make a new secret that signs events, and print it once; the old one also signs for a day",
    takes: [yesOption()],
    examples: ["nixflex-numbers webhooks secret --yes | pass insert --multiline nixflex/webhooks"],
    async run({ nixflex, options }: Given<Yes>) {
      await confirm("Make a new secret? The old one ends in a day.", options.yes);
      const answer = await nixflex.rotateWebhookSecret();
      if (!options.json) note(`The old one also signs until ${answer.previous_valid_until}.`);
      return { answer, text: answer.webhook_secret };
    },
  },
  {
    name: "webhooks test",
    does: "send an event webhook.test",
    takes: [agentOption("to this agent's webhook_url")],
    async run({ nixflex, options }: Given<{ agent?: string }>) {
      const answer = await nixflex.testWebhook({ body: named(options, { agent: "agent_id" }) });
      return { answer, text: `${answer.delivery.id} is on its way.` };
    },
  },
  {
    name: "webhooks deliveries",
    does: "list events and what became of them, the newest first",
    takes: [
      new Option("--state <state>", "only events of this state").choices(STATES),
      new Option("--event <kind>", "only events of this kind, such as call.completed"),
      externalIdOption("only events of numbers that had this external_id then"),
      limitOption().default(DEFAULT_LIMIT),
    ],
    examples: ["nixflex-numbers webhooks deliveries --state failed"],
    async run({
      nixflex,
      options,
    }: Given<Limited & Pick<Query, "state" | "event"> & { externalId?: string }>) {
      const query = named(options, { state: "state", event: "event", externalId: "external_id" });
      return deliveries(await listAll(nixflex.listDeliveries, { query }, options.limit));
    },
  },
  {
    name: "webhooks show <event>",
    does: "show an event: what became of it, and what was sent",
    async run({ nixflex }, id: string) {
      const answer = await nixflex.getDelivery({ path: { id } });
      const sent =
        answer.payload === null
          ? "What was sent is no longer kept."
          : JSON.stringify(answer.payload, null, 2);
      return { answer, text: `${deliveries([answer.delivery]).text}\n\n${sent}` };
    },
  },
  {
    name: "webhooks redeliver <event>",
    does: "send an event again",
    examples: ["nixflex-numbers webhooks redeliver evt_1f0c77d21f0c77d21f0c77d21f0c77d2"],
    async run({ nixflex }, id: string) {
      const answer = await nixflex.redeliver({ path: { id } });
      return { answer, text: deliveries([answer.delivery]).text };
    },
  },
];

export const deliveries = (entries: readonly Delivery[]) =>
  rows(
    "deliveries",
    entries,
    {
      id: (one) => one.id,
      event: (one) => one.event,
      state: (one) => one.state,
      attempts: (one) => one.attempts.length,
      "last answer": ({ attempts }) => attempts.at(-1)?.http_status ?? attempts.at(-1)?.error,
      "next attempt": (one) => one.next_attempt_at,
      created: (one) => one.created_at,
    },
    "There are no events.",
  );
