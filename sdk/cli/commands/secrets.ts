import type { Command } from "commander";
import { confirm } from "../ask.ts";
import { examples, limitOption, opened, yesOption } from "../options.ts";
import { fields, note, print, table } from "../output.ts";
import { listAll } from "../pages.ts";

type CreateOptions = { scope: "full" | "read"; externalId?: string; expiresAt?: string };

export function addSecrets(program: Command): void {
  program
    .command("whoami")
    .description("with which secret of which API key you are signed in, and what it may")
    .action(async (_: unknown, command: Command) => {
      const { nixflex, options } = opened(command);
      const who = await nixflex.getSession();
      print(options.json, who, () => fields(who));
    });
  const secrets = program.command("secrets").description("the secrets of your API key");
  secrets
    .command("create <name>")
    .description("create a secret, and print it once; pipe it to where it is needed")
    .requiredOption("--scope <scope>", "full, or read: it changes nothing")
    .option("--external-id <id>", "it sees only numbers with this external_id, and what is theirs")
    .option("--expires-at <time>", "when it ends, such as 2027-01-31T12:00:00Z; else never")
    .addHelpText(
      "after",
      examples(
        "nixflex-numbers secrets create portal --scope read --external-id acme-42",
        "nixflex-numbers secrets create ci --scope full | pass insert --multiline nixflex/ci",
      ),
    )
    .action(createSecret);
  secrets
    .command("list")
    .description("list them, and the day of their last use; no secret is shown")
    .addOption(limitOption())
    .action(listSecrets);
  secrets
    .command("delete <id>")
    .description("end a secret and its sessions at once")
    .addOption(yesOption())
    .addHelpText("after", examples("nixflex-numbers secrets delete sec_… --yes"))
    .action(async (secret_id: string, chosen: { yes?: true }, command: Command) => {
      const { nixflex, options } = opened(command);
      await confirm(`End ${secret_id}? What uses it stops working.`, chosen.yes);
      const answer = await nixflex.deleteSecret({ path: { secret_id } });
      print(options.json, answer, () => `${secret_id} has ended.`);
    });
}

async function createSecret(name: string, chosen: CreateOptions, command: Command): Promise<void> {
  const { nixflex, options } = opened(command);
  const { scope, externalId, expiresAt } = chosen;
  const answer = await nixflex.createSecret({
    body: {
      name,
      scope,
      ...(externalId !== undefined && { external_id: externalId }),
      ...(expiresAt !== undefined && { expires_at: expiresAt }),
    },
  });
  print(options.json, answer, () => `${answer.key_id}:${answer.key_secret}`);
  if (!options.json) note(`This is ${answer.secret_id}, “${name}”. It cannot be shown again.`);
}

async function listSecrets(_: unknown, command: Command): Promise<void> {
  const { nixflex, options } = opened<{ limit?: number }>(command);
  const secrets = await listAll(
    async (query) => (await nixflex.listSecrets({ query })).secrets,
    options.limit,
  );
  print(options.json, { secrets }, () =>
    table(
      ["secret", "name", "scope", "external id", "last used", "ends"],
      secrets.map(({ secret_id, name, scope, external_id, last_used_on, expires_at }) => [
        secret_id,
        name,
        scope,
        external_id,
        last_used_on,
        expires_at,
      ]),
    ),
  );
}
