import type { components } from "@nixflex/numbers";
import { Option } from "commander";
import { type Act, type Given, named } from "../act.ts";
import { connect, deploymentOf } from "../connection.ts";
import { EXIT, Failure, usage as wrong } from "../failures.ts";
import { externalIdOption, type Globals } from "../options.ts";
import { fields, fieldsOf, table } from "../output.ts";
import { listAll } from "../pages.ts";

type Usage = components["schemas"]["Usage"];

export const usage: readonly Act[] = [
  {
    name: "usage",
    does: "say what you have used, by UTC day, and how much of today's limits",
    takes: [
      new Option("--since <date>", "the first day; else 30 days ago"),
      new Option("--until <date>", "the last day; else today"),
      externalIdOption("only calls and texts of numbers that had this external_id then"),
    ],
    examples: ["nixflex-numbers usage --since 2026-01-01 --json"],
    async run({ nixflex, options }: Given<{ since?: string; until?: string; externalId?: string }>) {
      const query = named(options, { since: "since", until: "until", externalId: "external_id" });
      const answer = await nixflex.getUsage({ query });
      return { answer, text: usageText(answer) };
    },
  },
  {
    name: "limits show <key>",
    does: "show the limits of an API key",
    async run({ options }, keyId: string) {
      const keys = await listAll(operator(options).listKeys, {});
      const key = keys.find(({ key_id }) => key_id === keyId);
      if (!key) throw new Failure(EXIT.refused, `There is no API key ${keyId}.`);
      return limits(key);
    },
  },
  {
    name: "limits update <key> <name=value...>",
    does: "change limits; a value is a number, countries such as GB,IE, or `default`",
    examples: ["nixflex-numbers limits update nxf_… calls_per_day=500 allowed_countries=GB,IE"],
    async run({ options }, key_id: string, pairs: string[]) {
      const body = { limits: Object.fromEntries(pairs.map(readLimit)) };
      return limits(await operator(options).changeKey({ path: { key_id }, body }));
    },
  },
];

function usageText({ limits, days }: Usage): string {
  const { resets_at, allowed_countries = [], ...counted } = limits ?? {};
  const used = Object.entries(counted).map(([name, { used, limit }]) => [name, used, limit ?? "no limit"]);
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
          table(["limit", "used", "of"], used),
          fields({ allowed_countries: allowed_countries.join(","), resets_at }),
        ]),
  ].join("\n\n");
}

function operator({ url }: Globals) {
  const token = process.env.ADMIN_TOKEN?.trim();
  if (!token) throw new Failure(EXIT.notSignedIn, "Set ADMIN_TOKEN: limits are the operator's.");
  return connect(deploymentOf(url), token).nixflex;
}

function readLimit(text: string): [name: string, limit: number | string[] | null] {
  const [, name, value = ""] = /^(\w+)=(.+)$/.exec(text) ?? [];
  if (name === undefined) throw wrong("A limit must be like calls_per_day=500.");
  const number = value.trim() === "" ? Number.NaN : Number(value);
  return [name, value === "default" ? null : Number.isNaN(number) ? value.split(",") : number];
}

function limits(key: components["schemas"]["ApiKey"]) {
  const shown = Object.entries(key.limits).map(([name, limit]) => [name, limit ?? "no limit"]);
  return { answer: key, text: fieldsOf(Object.fromEntries(shown)) };
}
