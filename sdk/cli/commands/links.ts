import type { components, operations } from "@nixflex/numbers";
import { Option } from "commander";
import { type Act, type Given, named, rows } from "../act.ts";
import { confirm } from "../ask.ts";
import {
  agentOption,
  externalIdOption,
  type Limited,
  limitOption,
  wholeNumber,
  type Yes,
  yesOption,
} from "../options.ts";
import { cellOf, fieldsOf } from "../output.ts";
import { listAll } from "../pages.ts";

type NewLink = operations["createConnectLink"]["requestBody"]["content"]["application/json"];
type CreateOptions = {
  agent: string;
  externalId?: string;
  label?: string;
  brand?: string;
  maxNumbers?: number;
  expiresIn?: number;
  redirectUrl?: string;
};

export const links: readonly Act[] = [
  {
    name: "links create",
    does: "create a link, and print its URL once: whoever has it may connect an account and import numbers",
    takes: [
      agentOption("the agent that answers the numbers").makeOptionMandatory(),
      externalIdOption("your id of the customer, for the numbers"),
      new Option("--label <text>", "what you call the numbers"),
      new Option("--brand <name>", "your name, which the customer sees"),
      new Option("--max-numbers <count>", "how many numbers it may import").argParser(wholeNumber),
      new Option("--expires-in <seconds>", "how long it works").argParser(wholeNumber),
      new Option("--redirect-url <url>", "where the customer goes afterwards"),
    ],
    examples: ["nixflex-numbers links create --agent agent_… --external-id acme-42 --brand Example"],
    async run({ nixflex, options }: Given<CreateOptions>) {
      const body: NewLink = {
        agent_id: options.agent,
        ...named(options, {
          externalId: "external_id",
          label: "label",
          brand: "brand_name",
          maxNumbers: "max_numbers",
          expiresIn: "expires_in_seconds",
          redirectUrl: "redirect_url",
        }),
      };
      const answer = await nixflex.createConnectLink({ body });
      return { answer, text: answer.url };
    },
  },
  {
    name: "links list",
    does: "list your links; no URL is shown",
    takes: [limitOption()],
    async run({ nixflex, options }: Given<Limited>) {
      return rows(
        "connect_links",
        await listAll(nixflex.listConnectLinks, {}, options.limit),
        {
          link: (one) => one.connect_link_id,
          status: (one) => one.status,
          "external id": (one) => one.external_id,
          agent: (one) => one.agent_id,
          account: (one) => one.twilio_sid,
          numbers: ({ phone_numbers }) => phone_numbers.filter(({ imported }) => imported).length,
          expires: (one) => one.expires_at,
        },
        "There are no links.",
      );
    },
  },
  {
    name: "links show <link>",
    does: "show a link, and what became of it",
    async run({ nixflex }, connect_link_id: string) {
      const link = await nixflex.getConnectLink({ path: { connect_link_id } });
      return { answer: link, text: linkText(link) };
    },
  },
  {
    name: "links delete <link>",
    does: "end a link at once; what it has imported stays imported",
    takes: [yesOption()],
    async run({ nixflex, options }: Given<Yes>, connect_link_id: string) {
      await confirm(`End ${connect_link_id}?`, options.yes);
      const answer = await nixflex.deleteConnectLink({ path: { connect_link_id } });
      return { answer, text: `${connect_link_id} has ended.` };
    },
  },
];

const linkText = (link: components["schemas"]["ConnectLink"]): string =>
  fieldsOf({ ...link, phone_numbers: cellOf(link.phone_numbers.map((one) => one.phone_number)) });
