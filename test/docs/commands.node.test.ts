import { spawnSync } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { NOUNS } from "../../sdk/cli/acts.ts";
import { faultsOf, type Operation, operations } from "../support/document.ts";
import { createControl } from "../twilio-simulator/control.ts";
import { createSimulator } from "../twilio-simulator/simulator.ts";
import { addAccount, addNumber } from "../twilio-simulator/state.ts";

// Every command that a page shows is one that there is: a request to the API is one that its document takes, one to the
// simulator is answered, a script or a command of ours has these options. Runbooks' SQL: runbooks.node.test.ts.

const read = (path: string) => readFileSync(path, "utf8");
const PAGES = globSync(["*.md", "docs/**/*.md", "sdk/README.md", "sdk/python/README.md"]);

/** The words of each command of a shell script, as far as the pages use the shell. */
function commandsOf(script: string): string[][] {
  const tokens = script
    .replaceAll("\\\n", " ")
    .matchAll(/#[^\n]*|\n|&&|[;|>](?=\s|$)|(?:"(?:\\.|[^"])*"|'[^']*'|\\.|[^\s"'\\;|])+/g);
  const commands: string[][] = [[]];
  for (const [token] of tokens) {
    if (/^(?:\n|&&|;|\|)$/.test(token)) commands.push([]);
    else if (!token.startsWith("#"))
      commands.at(-1)?.push(token.replace(/"((?:\\.|[^"])*)"|'([^']*)'/g, "$1$2"));
  }
  return commands.filter((words) => words.length > 0);
}

/** A command within a sentence; one of the command line may be there without its name. */
const WITHIN = new RegExp(
  `\`((?:npm|npx|curl|nixflex-numbers|${Object.keys(NOUNS).join("|")}) [^\`]+)\``,
  "g",
);

const shown = PAGES.flatMap((page) => {
  const text = read(page);
  const scripts = [...text.matchAll(/^ *```sh\n([\s\S]*?)^ *```$/gm)];
  const sentences = [...text.replace(/^ *```[\s\S]*?^ *```$/gm, "").matchAll(WITHIN)];
  return [
    ...scripts.map(([, script = ""]) => script),
    ...sentences.map(([, command = ""]) => command.replace(/\s+|[[\]]/g, " ")),
  ]
    .flatMap(commandsOf)
    .map((words) => (words[0] !== undefined && words[0] in NOUNS ? ["nixflex-numbers", ...words] : words))
    .map((words) => ({ page, words, command: words.join(" ") }));
});
type Shown = (typeof shown)[number];

/** What stands for a value of the reader's own. */
const OWN: [RegExp, string][] = [
  [/^https:\/\/numbers\.example\.com|^\$SERVICE|^\$NIXFLEX_URL|^http:\/\/localhost:8787/, ""],
  [/\$(?:KEY_ID|SECRET_ID)/, "of-the-reader"],
  [/ACx{32}|AC…/, `AC${"0".repeat(32)}`],
  [/(agent|evt|num)_…/, "$1_125207e452f8714a"],
];
const filledIn = (text: string) => OWN.reduce((filled, [own, value]) => filled.replace(own, value), text);

function requestOf({ words }: Shown) {
  const all = (flag: string) => words.flatMap((word, index) => (words[index - 1] === flag ? [word] : []));
  const [given] = all("-d");
  // An import in a file, as the page before it has it.
  const body = given?.startsWith("@") ? undefined : given;
  const url = words
    .slice(1)
    .find((word, index) => /^(https?:|\$)/.test(word) && !/^-[dHowuX]$/.test(words[index] ?? ""));
  return {
    method: all("-X")[0] ?? (given === undefined ? "GET" : "POST"),
    url: url ?? "",
    headers: all("-H"),
    body:
      body === undefined
        ? undefined
        : JSON.parse(body, (_, value) => (typeof value === "string" ? filledIn(value) : value)),
  };
}

const isOperation =
  (method: string, pathname: string) =>
  ({ method: known, path }: Operation) =>
    known === method && new RegExp(`^${path.replace(/\{[^}]*\}/g, "[^/]+")}$`).test(pathname);

function expectRequest(command: Shown): void {
  const { method, url, headers, body } = requestOf(command);
  const { pathname, searchParams } = new URL(filledIn(url), "https://numbers.example.com");
  const found = operations.filter(isOperation(method, decodeURIComponent(pathname)));
  const operation = found.find(({ path }) => !path.includes("{")) ?? found[0];
  expect(operation, `${method} ${pathname}`).toBeDefined();
  const parameters = (operation?.parameters ?? []).filter((parameter) => parameter.in === "query");
  for (const [name, value] of searchParams) {
    const parameter = parameters.find((known) => known.name === name);
    expect(parameter, name).toBeDefined();
    if (parameter)
      expect(faultsOf(/^\d+$/.test(value) ? Number(value) : value, parameter.schema)).toEqual([]);
  }
  if ((operation?.security ?? []).length > 0)
    expect(headers.some((header) => /^Authorization: Bearer ./.test(header))).toBe(true);
  const schema = operation?.requestBody?.content["application/json"].schema;
  if (body === undefined) return;
  expect(headers).toContain("Content-Type: application/json");
  expect(schema).toBeDefined();
  if (schema) expect(faultsOf(body, schema)).toEqual([]);
}

async function expectSimulated(command: Shown): Promise<void> {
  const simulator = createSimulator(async () => new Response("<Response><Say>Hello.</Say></Response>"));
  const account = addAccount(simulator.state, {});
  addNumber(simulator.state, account, {
    phone_number: "+447446466847",
    voice_url: "https://example.com/voice",
  });
  const { method, url, body } = requestOf(command);
  const path = new URL(url).pathname.replace("/_simulator", "");
  const response = await createControl(simulator).request(path, { method, body: JSON.stringify(body) });
  expect(response.ok, await response.text()).toBe(true);
}

/** By wrangler's own help, of the version that package.json has: look again when it is another. */
const WRANGLER = "4.124.0";
const WRANGLERS: Readonly<Record<string, readonly string[]>> = {
  login: [],
  "d1 create": ["--location", "--binding"],
  "d1 execute": ["--remote", "--local", "--json", "--command", "--file"],
  "d1 export": ["--remote", "--no-schema", "--table", "--output"],
  "d1 time-travel info": [],
  "d1 time-travel restore": ["--timestamp", "--bookmark"],
  "queues pause-delivery": [],
  "queues resume-delivery": [],
  "secret put": [],
  "deployments list": [],
  rollback: [],
  tail: ["--format", "--search"],
};

const optionsOf = (words: readonly string[]) =>
  words.filter((word) => /^--[a-z]/.test(word)).map((word) => word.replace(/=.*/, ""));

function expectWrangler({ words }: Shown): void {
  const line = words.slice(2).join(" ");
  const known = Object.keys(WRANGLERS).filter((name) => `${line} `.startsWith(`${name} `));
  expect(known).toHaveLength(1);
  expect(WRANGLERS[known[0] ?? ""]).toEqual(expect.arrayContaining(optionsOf(words.slice(2))));
}

const scripts = JSON.parse(read("package.json")).scripts as Record<string, string>;

function expectScript({ words }: Shown): void {
  const [verb = "", name] = words.slice(1).filter((word) => word !== "--silent");
  if (["ci", "test", "pack", "install", "pkg", "publish", "trust"].includes(verb)) return;
  expect(verb).toBe("run");
  if (name === undefined) return;
  const [, file = ""] = /^node (scripts\/\S+)/.exec(scripts[name] ?? "") ?? [];
  expect(scripts).toHaveProperty([name]);
  const source = `${file && read(file)}${read("scripts/target.ts")}`;
  const given = words.includes("--") ? optionsOf(words.slice(words.indexOf("--") + 1)) : [];
  // What a script does not know itself it hands to wrangler.
  for (const option of given.filter((each) => !["--var", "--secrets-file", "--only"].includes(each)))
    expect(source).toMatch(new RegExp(`["']?${option.slice(2)}["']?`));
}

function expectCli({ words }: Shown): void {
  const args = words.slice(words.indexOf("nixflex-numbers") + 1);
  const named = args.slice(0, args.findIndex((word) => !/^[a-z]+$/.test(word)) >>> 0);
  const { stdout, status } = spawnSync(process.execPath, ["sdk/dist/cli.js", ...named, "--help"], {
    encoding: "utf8",
  });
  expect(status).toBe(0);
  for (const option of optionsOf(args)) expect(stdout).toContain(option);
}

/** Tools of the reader's machine: nothing of ours. */
const TOOLS = /^(?:export|date|sed|comm|python3|node|git|\.venv\/bin\/pip|cp|cd|npx node|npx vitest)\b/;

const KINDS: [name: string, RegExp, (command: Shown) => Promise<void> | void][] = [
  ["API", /^curl .*(?:numbers\.example\.com|\$SERVICE|\$NIXFLEX_URL)/, expectRequest],
  ["simulator", /^curl .*\/_simulator\//, expectSimulated],
  // test/scripts/dev.node.test.ts sends it; of Twilio, test/phone-numbers/release/release.test.ts; the last is Cloudflare's.
  [
    "others",
    /^curl .*(?:cdn-cgi\/handler\/scheduled\?cron=|api\.twilio\.com|api\.cloudflare\.com|https:\/\/OLD)/,
    () => {},
  ],
  ["wrangler", /^npx wrangler /, expectWrangler],
  ["npm", /^npm /, expectScript],
  ["command line", /^(?:npx )?nixflex-numbers /, expectCli],
  ["tools", TOOLS, () => {}],
];

describe.each(KINDS)("commands: %s", (_, pattern, check) => {
  const mine = shown.filter(({ command }) => pattern.test(command));

  it.each(mine.map((each) => [each.page, each.command.slice(0, 90), each] as const))(
    "%s: %s",
    (_page, _command, each) => check(each),
  );
});

it("there is no other command", () => {
  expect(shown.length).toBeGreaterThan(100);
  const others = shown.filter(({ command }) => !KINDS.some(([, pattern]) => pattern.test(command)));
  expect(others.map(({ page, command }) => `${page}: ${command}`)).toEqual([]);
  expect(JSON.parse(read("package.json")).devDependencies.wrangler).toBe(WRANGLER);
  expect(existsSync("sdk/dist/cli.js")).toBe(true);
});

it("a runbook sets each variable of its commands, for it is opened in the middle", () => {
  const unset = globSync("docs/runbooks/*.md").flatMap((page) => {
    const used = shown
      .filter((each) => each.page === page)
      .flatMap(({ words }) => words.join(" ").match(/\$[A-Z_]+/g) ?? []);
    return [...new Set(used)]
      .filter((name) => !read(page).includes(`${name.slice(1)}=`))
      .map((name) => `${page}: ${name}`);
  });
  expect(unset).toEqual([]);
});
