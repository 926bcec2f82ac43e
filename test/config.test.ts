import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import examples from "../.dev.vars.example?raw";
import { ConfigError, readConfig } from "../src/config.ts";

const problems = (changes: Record<string, unknown>): readonly string[] => {
  try {
    readConfig({ ...env, ...changes } as Env);
    return [];
  } catch (error) {
    return (error as ConfigError).problems;
  }
};

describe("readConfig", () => {
  it("takes a complete configuration", () => {
    expect(readConfig({ ...env })).toMatchObject({
      publicBaseUrl: "https://numbers.example.com",
      twilioApiBaseUrl: "https://api.twilio.com",
      twilioTimeoutMs: 8000,
      openSignup: false,
    });
  });

  it("names everything that is missing at once", () => {
    const names = [
      "DB",
      "EVENT_OUTBOX",
      "RECONCILIATION",
      "ASSETS",
      "PUBLIC_BASE_URL",
      "TOKEN_ENCRYPTION_KEYS",
      "ID_SECRET",
      "ADMIN_TOKEN",
    ];
    const found = problems(Object.fromEntries(names.map((name) => [name, undefined])));
    expect(found).toEqual(names.map((name) => `${name} is missing`));
    expect(new ConfigError(found).message).toContain("ADMIN_TOKEN is missing");
  });

  it("has defaults for what need not be said", () => {
    const config = readConfig({
      ...env,
      TWILIO_API_BASE_URL: undefined,
      TWILIO_TIMEOUT_MS: undefined,
    } as unknown as Env);
    expect(config).toMatchObject({ twilioApiBaseUrl: "https://api.twilio.com", twilioTimeoutMs: 8000 });
  });

  it.each([
    "https://numbers.example.com",
    "https://numbers.example.com/",
    "https://numbers.example.com:8443",
    "http://localhost:8787",
    "http://127.0.0.1:1",
    "http://[::1]:8787",
  ])("takes the origin %s", (url) => {
    expect(problems({ PUBLIC_BASE_URL: url, TWILIO_API_BASE_URL: url })).toEqual([]);
  });

  it.each([
    "numbers.example.com",
    "http://numbers.example.com",
    "http://localhost.example.com",
    "http://127.0.0.1.example.com",
    "ftp://localhost",
    "https://numbers.example.com/path",
    "https://numbers.example.com/?a=b",
    "https://user@numbers.example.com",
    "",
  ])("refuses the origin %s", (url) => {
    expect(problems({ PUBLIC_BASE_URL: url })).toHaveLength(1);
    if (url !== "") expect(problems({ TWILIO_API_BASE_URL: url })).toHaveLength(1);
  });

  it("takes a regional host of Twilio", () => {
    expect(problems({ TWILIO_API_BASE_URL: "https://api.dublin.ie1.twilio.com" })).toEqual([]);
  });

  it.each(["0", "-1", "8s", "1.5", "60001", "NaN"])("refuses the timeout %s", (TWILIO_TIMEOUT_MS) => {
    expect(problems({ TWILIO_TIMEOUT_MS })).toHaveLength(1);
  });

  it("lets webhooks be on this machine only where something else is as well", () => {
    const ALLOW_LOCAL_WEBHOOKS = "true";
    expect(problems({ ALLOW_LOCAL_WEBHOOKS })).toHaveLength(1);
    expect(problems({ ALLOW_LOCAL_WEBHOOKS, PUBLIC_BASE_URL: "http://localhost:8787" })).toEqual([]);
    expect(problems({ ALLOW_LOCAL_WEBHOOKS, TWILIO_API_BASE_URL: "http://127.0.0.1:4010" })).toEqual([]);
  });

  const published = [...examples.matchAll(/^([A-Z_]+)="(.+)"$/gm)].map(([, name = "", value]) => ({
    [name]: value,
  }));

  it("knows every secret of .dev.vars.example", () => expect(published.length).toBeGreaterThan(1));

  it.each(published)("takes the published example %o on this machine only", (example) => {
    const [name] = Object.keys(example);
    expect(problems(example)).toEqual([
      `${name} is the published example; \`npm run secrets\` makes a fresh one`,
    ]);
    expect(problems({ ...example, PUBLIC_BASE_URL: "http://localhost:8787" })).toEqual([]);
  });

  it.each(["short", "x".repeat(42), "x".repeat(44), `${"x".repeat(42)}+`, "0".repeat(64)])(
    "refuses the id secret %s, and does not repeat it",
    (ID_SECRET) => {
      expect(problems({ ID_SECRET })).toEqual([expect.stringContaining("ID_SECRET must be 32 bytes")]);
      expect(problems({ ID_SECRET })[0]).not.toContain(ID_SECRET);
    },
  );

  it("refuses a short admin token", () => {
    expect(problems({ ADMIN_TOKEN: "x".repeat(31) })).toHaveLength(1);
    expect(problems({ ADMIN_TOKEN: "x".repeat(32) })).toEqual([]);
  });
});
