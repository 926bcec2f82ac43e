import type { components } from "@nixflex/numbers";
import { type Command, InvalidArgumentError } from "commander";
import { connect, deploymentOf } from "../connection.ts";
import { EXIT, Failure } from "../failures.ts";
import { examples, type Globals, opened } from "../options.ts";
import { cellOf, fields, print, table } from "../output.ts";
import { listAll } from "../pages.ts";

type Usage = components["schemas"]["Usage"];
type SetLimits = Record<string, number | string[] | null>;

export function addUsage(program: Command): void {
  program
    .command("usage")
    .description("what you have used, by UTC day, and how much of today's limits")
    .option("--since <date>", "the first day; else 30 days ago")
    .option("--until <date>", "the last day; else today")
    .option("--external-id <id>", "only calls and texts of numbers that had this external_id then")
    .addHelpText(
      "after",
      examples("nixflex-numbers usage", "nixflex-numbers usage --since 2026-01-01 --json"),
    )
    .action(showUsage);
  program
    .command("limits <key_id>")
    .description("for the operator, with ADMIN_TOKEN in the environment: the limits of an API key")
    .option(
      "--set <name=value...>",
      "change limits; a value is a number, countries such as GB,IE, or `default`",
      readLimit,
    )
    .addHelpText(
      "after",
      examples(
        "nixflex-numbers limits nxf_…",
        "nixflex-numbers limits nxf_… --set calls_per_day=500 --set allowed_countries=GB,IE",
      ),
    )
    .action(showLimits);
}

async function showUsage(_: unknown, command: Command): Promise<void> {
  const { nixflex, options } = opened<{ since?: string; until?: string; externalId?: string }>(command);
  const { since, until, externalId, json } = options;
  const usage = await nixflex.getUsage({
    query: {
      ...(since !== undefined && { since }),
      ...(until !== undefined && { until }),
      ...(externalId !== undefined && { external_id: externalId }),
    },
  });
  print(json, usage, () => usageText(usage));
}

function usageText({ limits, days }: Usage): string {
  const { resets_at, allowed_countries = [], ...counted } = limits ?? {};
  const rows = Object.entries(counted).map(([name, { used, limit }]) => [name, used, limit ?? "no limit"]);
  return [
    table(
      ["day", "calls", "minutes", "texts"],
      days
        .filter(({ calls, sms }) => calls + sms > 0)
        .map(({ date, calls, minutes, sms }) => [date, calls, minutes, sms]),
    ),
    // A secret that is limited to an external_id is not told the limits of its key.
    ...(limits === null
      ? []
      : [
          table(["limit", "used", "of"], rows),
          fields({ allowed_countries: allowed_countries.join(","), resets_at }),
        ]),
  ].join("\n\n");
}

function readLimit(text: string, before: SetLimits = {}): SetLimits {
  const [, name, value = ""] = /^(\w+)=(.+)$/.exec(text) ?? [];
  if (name === undefined) throw new InvalidArgumentError("It must be like calls_per_day=500.");
  const number = value.trim() === "" ? Number.NaN : Number(value);
  const limit = value === "default" ? null : Number.isNaN(number) ? value.split(",") : number;
  return { ...before, [name]: limit };
}

async function showLimits(keyId: string, _: unknown, command: Command): Promise<void> {
  const { url, json, set } = command.optsWithGlobals<Globals & { set?: SetLimits }>();
  const token = process.env.ADMIN_TOKEN?.trim();
  if (!token) throw new Failure(EXIT.notSignedIn, "Set ADMIN_TOKEN: limits are the operator's.");
  const { nixflex } = connect(deploymentOf(url), token);
  if (set) {
    const key = await nixflex.changeKey({ path: { key_id: keyId }, body: { limits: set } });
    return print(json, key, () => limitsText(key));
  }
  const keys = await listAll(async (page) => {
    const { keys: entries } = await nixflex.listKeys({ query: page });
    return entries;
  });
  const key = keys.find(({ key_id }) => key_id === keyId);
  if (!key) throw new Failure(EXIT.refused, `There is no API key ${keyId}.`);
  print(json, key, () => limitsText(key));
}

const limitsText = ({ limits }: components["schemas"]["ApiKey"]): string =>
  fields(
    Object.fromEntries(Object.entries(limits).map(([name, limit]) => [name, cellOf(limit ?? "no limit")])),
  );
