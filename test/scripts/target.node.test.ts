import { afterEach, expect, it, vi } from "vitest";
import {
  addressFault,
  databaseFault,
  secretsFault,
  sharedFault,
  subdomainFault,
  verdictOf,
} from "../../scripts/deployment.ts";
import { configOf, takeTarget } from "../../scripts/target.ts";

afterEach(() => vi.unstubAllEnvs());

it.each<[string[], string | undefined, string[], string[]]>([
  [[], undefined, ["--env="], []],
  [[], "staging", ["--env=staging"], []],
  [["-e", "staging"], undefined, ["--env=staging"], []],
  [["-e=staging"], undefined, ["--env=staging"], []],
  [["-estaging"], undefined, ["--env=staging"], []],
  [["--env", "staging", "--name", "x"], "other", ["--env=staging"], ["--name", "x"]],
  [["--remote", "--env="], "staging", ["--env="], ["--remote"]],
  [["-c", "other.toml", "--env=staging"], undefined, ["--env=staging", "--config=other.toml"], []],
  [["--config=other.toml"], undefined, ["--env=", "--config=other.toml"], []],
  [["--environment", "x"], undefined, ["--env="], ["--environment", "x"]],
])("%j with CLOUDFLARE_ENV %s is for %j", (args, variable, flags, rest) => {
  vi.stubEnv("CLOUDFLARE_ENV", variable);
  expect(takeTarget(args)).toMatchObject({ target: { flags }, rest });
});

it.each([
  [["-e"], "--env needs a value."],
  [["--env", "--remote"], "--env needs a value."],
  [["-e", "staging", "--env=production"], "--env is given twice."],
])("refuses %j", (args, message) => {
  expect(() => takeTarget(args)).toThrow(message);
});

it("refuses an environment and a file that are not there", () => {
  const config = "wrangler.toml";
  expect(() => configOf({ environment: "stagin", config })).toThrow('configuration with name "stagin"');
  expect(() => configOf({ environment: "", config: "none.toml" })).toThrow("There is no none.toml.");
});

it("finds what is wrong with a configuration", () => {
  vi.stubEnv("CLOUDFLARE_ENV", "staging");
  const { target } = takeTarget([]);
  const config = configOf(target);
  const here = "wrangler.toml, [env.staging]: ";
  const address = "https://nixflex-numbers-staging.acme.workers.dev";
  expect([
    databaseFault(target, config),
    sharedFault(target, config, configOf({ ...target, environment: "" })),
    addressFault(target, "https://numbers.<your subdomain>.workers.dev"),
    addressFault(target, address),
    subdomainFault(target, config, address, null),
    subdomainFault(target, config, address, "other"),
    subdomainFault(target, config, address, "acme"),
    secretsFault(".dev.vars.example"),
    secretsFault("none.json"),
  ]).toEqual([
    expect.stringMatching(
      /^wrangler.toml, \[env.staging\]: database_id is a placeholder. Run `npx wrangler d1 create nixflex-numbers-staging /,
    ),
    expect.stringContaining(`${here}database_id, PUBLIC_BASE_URL must not be as at the top level`),
    expect.stringContaining(
      `${here}PUBLIC_BASE_URL is not an http(s) URL: https://numbers.<your subdomain>.workers.dev.`,
    ),
    undefined,
    expect.stringContaining("This Cloudflare account has no workers.dev subdomain yet."),
    `${here}PUBLIC_BASE_URL is ${address}, but the Worker will be at https://nixflex-numbers-staging.other.workers.dev.`,
    undefined,
    ".dev.vars.example has a secret of .dev.vars.example, which everybody knows. `npm run secrets` makes fresh ones.",
    "There is no none.json. `npm run secrets` writes fresh secrets.",
  ]);
});

it.each<[string, Parameters<typeof verdictOf>[2], string]>([
  [
    "nobody",
    new Error("getaddrinfo ENOTFOUND"),
    "nobody answers at https://a.example: getaddrinfo ENOTFOUND.",
  ],
  ["something else", { status: 404 }, "answers 404, and not as this service does. Is PUBLIC_BASE_URL right?"],
  ["a faulty Worker", { status: 503, error: { message: "X is missing" } }, "answers 503: X is missing"],
  ["another version", { status: 200, version: "1.0.0", version_id: "b" }, "answers version b, not a."],
])("says after a deployment that %s answers", (_, answer, text) => {
  expect(verdictOf("https://a.example", "a", answer)).toMatchObject({
    isRight: false,
    text: expect.stringContaining(text),
  });
});
