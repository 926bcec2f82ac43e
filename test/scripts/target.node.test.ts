import { afterEach, expect, it, vi } from "vitest";
import { verdictOf } from "../../scripts/deployment.ts";
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
