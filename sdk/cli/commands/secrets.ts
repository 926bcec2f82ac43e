import type { operations } from "@nixflex/numbers";
import { Option } from "commander";
import { type Act, type Given, named, rows } from "../act.ts";
import { confirm } from "../ask.ts";
import { externalIdOption, type Limited, limitOption, type Yes, yesOption } from "../options.ts";
import { note } from "../output.ts";
import { listAll } from "../pages.ts";

type NewSecret = operations["createSecret"]["requestBody"]["content"]["application/json"];
type CreateOptions = { scope: NewSecret["scope"]; externalId?: string; expiresAt?: string };

export const secrets: readonly Act[] = [
  {
    name: "secrets create <name>",
    does: "create a secret, and print it once; pipe it to where it is needed",
    takes: [
      new Option("--scope <scope>", "read: it changes nothing")
        .choices(["full", "read"])
        .makeOptionMandatory(),
      externalIdOption("it sees only numbers with this external_id, and what is theirs"),
      new Option("--expires-at <time>", "when it ends, such as 2027-01-31T12:00:00Z; else never"),
    ],
    examples: [
      "nixflex-numbers secrets create portal --scope read --external-id acme-42",
      "nixflex-numbers secrets create ci --scope full | pass insert --multiline nixflex/ci",
    ],
    async run({ nixflex, options }: Given<CreateOptions>, name: string) {
      const own = named(options, { externalId: "external_id", expiresAt: "expires_at" });
      const answer = await nixflex.createSecret({ body: { name, scope: options.scope, ...own } });
      if (!options.json) note(`This is ${answer.secret_id}, “${name}”. It cannot be shown again.`);
      return { answer, text: `${answer.key_id}:${answer.key_secret}` };
    },
  },
  {
    name: "secrets list",
    does: "list them, and the day of their last use; no secret is shown",
    takes: [limitOption()],
    async run({ nixflex, options }: Given<Limited>) {
      const entries = await listAll(nixflex.listSecrets, {}, options.limit);
      return rows(
        "secrets",
        entries,
        {
          secret: (one) => one.secret_id,
          name: (one) => one.name,
          scope: (one) => one.scope,
          "external id": (one) => one.external_id,
          "last used": (one) => one.last_used_on,
          ends: (one) => one.expires_at,
        },
        "There are no secrets.",
      );
    },
  },
  {
    name: "secrets delete <secret>",
    does: "end a secret and its sessions at once",
    takes: [yesOption()],
    examples: ["nixflex-numbers secrets delete sec_… --yes"],
    async run({ nixflex, options }: Given<Yes>, secret_id: string) {
      await confirm(`End ${secret_id}? What uses it stops working.`, options.yes);
      const answer = await nixflex.deleteSecret({ path: { secret_id } });
      return { answer, text: `${secret_id} has ended.` };
    },
  },
];
