import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, it, vi } from "vitest";
import { freshSecrets } from "../../scripts/fresh-secrets.ts";
import { type Cloudflare, type Situation, startCloudflare } from "../cloudflare-api/server.ts";

// npm run deploy, with the real wrangler, against a fake of Cloudflare's API: what is asked in which order, and what a
// person reads.

const TIMEOUT_MS = 180_000;
// Wrangler keeps a core busy.
vi.setConfig({ maxConcurrency: 2 });

const PRODUCTION = "11111111-1111-4111-8111-111111111111";
const STAGING = "22222222-2222-4222-8222-222222222222";
const ADDRESS = "https://nixflex-numbers.acme.workers.dev";

const STAGING_ADDRESS = "https://nixflex-numbers-staging.acme.workers.dev";

// What `wrangler login` writes.
const LOGIN =
  'oauth_token = "token"\nrefresh_token = "token"\nexpiration_time = "2099-01-01T00:00:00.000Z"\n';

// Wrangler is large: what the first start has compiled, the others read.
const COMPILED = mkdtempSync(join(tmpdir(), "deploy-test-compiled-"));
const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as { scripts: Record<string, string> };

const ended: (() => void)[] = [() => rmSync(COMPILED, { recursive: true, force: true })];
afterAll(() => {
  for (const end of ended) end();
});

type World = Cloudflare & {
  directory: string;
  deploy: (...args: string[]) => Promise<Ended>;
  run: (script: string, ...args: string[]) => Promise<Ended>;
};
type Ended = { code: number | null; output: string; starts: number };
type Changes = { placeholders?: boolean; address?: string; secrets?: object; env?: Record<string, string> };

async function world(situation: Partial<Situation> = {}, changes: Changes = {}): Promise<World> {
  const cloudflare = await startCloudflare({ databases: [PRODUCTION, STAGING], ...situation });
  const directory = mkdtempSync(join(tmpdir(), "deploy-test-"));
  for (const name of ["src", "migrations", "public", "package.json"])
    symlinkSync(resolve(name), join(directory, name));
  const { placeholders = false, address = ADDRESS, secrets = freshSecrets() } = changes;
  const put = (text: string, name: string, old: string, values: string[]) =>
    values.reduce((changed, value) => changed.replace(`${name} = "${old}"`, `${name} = "${value}"`), text);
  const template = readFileSync("wrangler.toml", "utf8");
  const identified = put(template, "database_id", "00000000-0000-0000-0000-000000000000", [
    PRODUCTION,
    STAGING,
  ]);
  const config = placeholders
    ? template
    : put(identified, "PUBLIC_BASE_URL", "http://localhost:8787", [address, STAGING_ADDRESS]);
  writeFileSync(join(directory, "wrangler.toml"), config);
  writeFileSync(join(directory, "secrets.json"), JSON.stringify(secrets));
  ended.push(() => {
    cloudflare.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return Object.assign(cloudflare, {
    directory,
    deploy: (...args: string[]) =>
      run(cloudflare, directory, ["deploy", "--wait", "0", ...args], changes.env),
    run: (...command: string[]) => run(cloudflare, directory, command),
  });
}

function run(
  { url }: Cloudflare,
  directory: string,
  [script = "", ...args]: string[],
  more: Record<string, string> = {},
): Promise<Ended> {
  const sessions = join(directory, `output-${args.length}-${Math.random()}`);
  const env = {
    PATH: process.env.PATH,
    HOME: directory,
    CI: "1",
    NO_COLOR: "1",
    CLOUDFLARE_API_BASE_URL: url,
    CLOUDFLARE_API_TOKEN: "token",
    XDG_CONFIG_HOME: directory,
    WRANGLER_CACHE_DIR: join(directory, "cache"),
    WRANGLER_OUTPUT_FILE_PATH: sessions,
    NODE_COMPILE_CACHE: COMPILED,
    NODE_OPTIONS: `--import ${resolve("test/cloudflare-api/deployed.mjs")}`,
    ...more,
  };
  // What npm would start, without npm.
  const [program = "", file = ""] = (scripts[script] ?? "").split(" ");
  expect(program).toBe("node");
  const command = [file, "-c", join(directory, "wrangler.toml"), ...args];
  const child = spawn(process.execPath, command, { env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk) => {
      output += chunk;
    });
  return new Promise((done) => {
    child.once("close", (code) => done({ code, output, starts: startsIn(sessions) }));
  });
}

/** How often wrangler started: it says so in this file. */
function startsIn(file: string): number {
  try {
    return readFileSync(file, "utf8").split('"type":"wrangler-session"').length - 1;
  } catch {
    return 0;
  }
}

/** The requests without repetitions, of D1's queries above all, and without those of wrangler that only look. */
function acts(requests: readonly string[]): string[] {
  return requests.filter((line, index) => !line.startsWith("GET") && line !== requests[index - 1]);
}

const FIRST = [
  `POST /d1/database/${PRODUCTION}/query`,
  "POST /workers/scripts/nixflex-numbers/assets-upload-session",
  "POST /queues",
  "PUT /workers/scripts/nixflex-numbers",
  "PATCH /workers/scripts/nixflex-numbers/script-settings",
  "POST /workers/scripts/nixflex-numbers/subdomain",
  "PUT /workers/scripts/nixflex-numbers/schedules",
  "POST /queues/nixflex-reconciliation/consumers",
];

it.concurrent(
  "deploys for the first time, and again without the secrets; says if another Worker answers",
  async () => {
    const { situation, requests, workers, queues, databases, directory, deploy } = await world();
    const first = await deploy("--secrets-file", join(directory, "secrets.json"));
    expect(first.output).toContain("answers: version 1.0.0, ");
    expect(first).toMatchObject({ code: 0, starts: 2 });
    expect(acts(requests)).toEqual(FIRST);
    expect([...queues]).toEqual(["nixflex-reconciliation"]);
    const { version, bindings } = workers.get("nixflex-numbers") ?? { bindings: [] };
    expect(first.output).toContain(`${ADDRESS} answers: version 1.0.0, ${version}.`);
    expect(bindings).toContainEqual({ name: "PUBLIC_BASE_URL", type: "plain_text", text: ADDRESS });
    const tables = (id: string) => databases.get(id)?.prepare("SELECT name FROM sqlite_schema").all().length;
    expect(tables(PRODUCTION)).toBeGreaterThan(5);

    requests.length = 0;
    situation.health = { status: 200, body: { status: "ok", version: "0.9.0", version_id: "another" } };
    const second = await deploy();
    expect(second).toMatchObject({ code: 1, starts: 2 });
    expect(second.output).toMatch(/Deployed, but https:\S+ answers version another, not [0-9a-f-]{36}\./);
    expect(acts(requests)).toEqual(FIRST.filter((line) => line !== "POST /queues"));
    expect(tables(STAGING)).toBe(0);
  },
  TIMEOUT_MS,
);

it.concurrent(
  "deploys staging, and touches nothing of production's",
  async () => {
    const { requests, workers, queues, databases, directory, deploy, run } = await world();
    const { code, output } = await deploy("-e", "staging", "--secrets-file", join(directory, "secrets.json"));
    expect([code, output]).toEqual([0, expect.stringContaining(`${STAGING_ADDRESS} answers`)]);
    expect(
      requests.filter((line) => /nixflex-numbers(?!-staging)/.test(line) || line.includes(PRODUCTION)),
    ).toEqual([]);
    expect(requests).toContain(`POST /d1/database/${STAGING}/query`);
    expect([...workers.keys(), ...queues]).toEqual([
      "nixflex-numbers-staging",
      "nixflex-reconciliation-staging",
    ]);
    const create = ["key:create", "--remote", "--env=staging", "--name", "me", "--limits"] as const;
    expect(await run(...create, '{ "calls_per_day": 5, "max_agents": null }')).toMatchObject({ code: 0 });
    expect(databases.get(STAGING)?.prepare("SELECT name, limits FROM api_keys").all()).toEqual([
      { name: "me", limits: '{"calls_per_day":5}' },
    ]);
    expect(await run(...create, '{ "calls_per_day": -1, "calls_a_day": 5 }')).toMatchObject({
      code: 1,
      output: expect.stringContaining("wrong value: calls_a_day, calls_per_day."),
    });
  },
  TIMEOUT_MS,
);

it.concurrent(
  "says what somebody who is logged in without a permission cannot do",
  async () => {
    const denied = { status: 403, errors: [{ code: 10000, message: "Authentication error" }] };
    const situation = { refused: { "POST /queues": denied } };
    const { workers, directory, deploy } = await world(situation, { env: { CLOUDFLARE_API_TOKEN: "" } });
    mkdirSync(join(directory, ".wrangler/config"), { recursive: true });
    writeFileSync(join(directory, ".wrangler/config/default.toml"), LOGIN);
    const { code, output, starts } = await deploy("--secrets-file", join(directory, "secrets.json"));
    expect([code, starts, workers.size]).toEqual([1, 3, 0]);
    expect(output).toMatch(/\/queues\) failed.*Authentication error/s);
    expect(output).toContain("The migrations are applied, and the Worker before runs on them.");
  },
  TIMEOUT_MS,
);

it.concurrent(
  "says which accounts there are, if there are two",
  async () => {
    const accounts = ["a".repeat(32), "b".repeat(32)];
    const { requests, deploy } = await world({ accounts });
    const { code, output, starts } = await deploy();
    expect([code, starts, acts(requests)]).toEqual([1, 1, []]);
    expect(output).toMatch(/More than one account available.*CLOUDFLARE_ACCOUNT_ID.*aaaa.*bbbb/s);
  },
  TIMEOUT_MS,
);

it.concurrent.each<[string, Partial<Situation>, Changes, string[], string[]]>([
  [
    "a placeholder, the local address and a published secret",
    {},
    { placeholders: true, secrets: { ADMIN_TOKEN: "replace-me-with-at-least-32-characters" } },
    ["--secrets-file", "secrets.json"],
    [
      "has a secret of .dev.vars.example, which everybody knows.",
      "wrangler.toml: database_id is a placeholder. Run `npx wrangler d1 create nixflex-numbers --location enam --binding DB` and copy the id that it prints, nothing else.",
      "PUBLIC_BASE_URL is http://localhost:8787, which only this machine reaches.",
    ],
  ],
  [
    "an address that will be another",
    { subdomain: "other" },
    {},
    [],
    [`PUBLIC_BASE_URL is ${ADDRESS}, but the Worker will be at https://nixflex-numbers.other.workers.dev.`],
  ],
])(
  "refuses %s before anything is sent",
  async (_, situation, changes, args, expected) => {
    const { requests, directory, deploy } = await world(situation, changes);
    const given = args.map((argument) =>
      argument === "secrets.json" ? join(directory, argument) : argument,
    );
    const { code, output, starts } = await deploy(...given);
    for (const text of expected) expect(output).toContain(text);
    expect([code, starts, acts(requests)]).toEqual([1, 0, []]);
  },
  TIMEOUT_MS,
);
