import { parseDefaultLimits } from "./limits.ts";
import { isLoopback } from "./public-url.ts";
import { parseIdSecret } from "./vault/ids.ts";
import { parseKeyring } from "./vault/keyring.ts";

/** The bindings and variables of the Worker, validated. */
export type Config = { [Name in keyof Values]: Exclude<Values[Name], undefined> };
type Values = ReturnType<typeof valuesOf>;

/** Which model, and where: at an OpenAI-compatible server, or in Workers AI if `baseUrl` is null. */
export type ModelConfig = { baseUrl: string | null; model: string; apiKey: string | null };

/** Bindings that wrangler.toml cannot declare for everybody: Workers AI needs an account even in development. */
type OptionalEnv = { AI?: { run?: unknown }; MODEL_API_KEY?: string };

// docs/decisions/0015-the-model.md
const WORKERS_AI_MODEL = "@cf/zai-org/glm-4.7-flash";

/** All faults of the configuration in one error: names and reasons, never values. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`Incomplete configuration: ${problems.join("; ")}`);
    this.problems = problems;
  }
}

const SECRETS = ["TOKEN_ENCRYPTION_KEYS", "ID_SECRET", "ADMIN_TOKEN"] as const;

/** Whether a text holds a secret of .dev.vars.example, which everybody knows. */
export function isPublishedExample(text: string): boolean {
  return /AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8|ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8|replace-me-/.test(
    text,
  );
}

// https://developers.cloudflare.com/durable-objects/reference/data-location/
const JURISDICTIONS = ["eu", "us", "fedramp", "fedramp-high"] as const;
const LOCATION_HINTS = ["wnam", "enam", "sam", "weur", "eeur", "apac", "oc", "afr", "me"] as const;

/** Every binding that must be there, and a method by which it is told. */
const BINDINGS = {
  DB: "prepare",
  EVENT_OUTBOX: "getByName",
  RECONCILIATION: "send",
  CONVERSATIONS: "getByName",
  TEXT_THREADS: "getByName",
  CALL_LOG: "getByName",
  ACCOUNT_PACE: "getByName",
  BULK_IMPORTS: "getByName",
  BACKGROUND: "getByName",
  READ_LIMIT: "limit",
  SENDING_LIMIT: "limit",
  WRITE_LIMIT: "limit",
  WEBHOOK_LIMIT: "limit",
  ASSETS: "fetch",
} as const satisfies Partial<Record<keyof Env, string>>;

const MIN_ADMIN_TOKEN_LENGTH = 32;
const MAX_TIMEOUT_MS = 60_000;

const checked = new WeakMap<object, Config>();

/**
 * Validates the bindings once per isolate.
 *
 * @throws ConfigError that names every missing or faulty binding and variable
 */
export function readConfig(env: Env): Config {
  const known = checked.get(env);
  if (known) return known;
  const config = checkEnv(env);
  checked.set(env, config);
  return config;
}

function checkEnv(env: Partial<Env>): Config {
  const problems: string[] = [];
  for (const [name, method] of Object.entries(BINDINGS)) {
    const binding = env[name as keyof typeof BINDINGS] as Record<string, unknown> | undefined;
    if (typeof binding?.[method] !== "function") problems.push(`${name} is missing`);
  }
  const config = valuesOf(env, problems);
  if (config.allowLocalWebhooks && ![config.publicBaseUrl, config.twilioApiBaseUrl].some(isOnThisMachine)) {
    problems.push(
      "ALLOW_LOCAL_WEBHOOKS is for local development only, but neither Twilio nor this service is local",
    );
  }
  if (config.publicBaseUrl?.startsWith("https://")) {
    for (const name of SECRETS)
      if (isPublishedExample(String(env[name])))
        problems.push(`${name} is the published example; \`npm run secrets\` makes a fresh one`);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return config as Config;
}

/** Undefined: it is faulty, and the problems say how. */
function valuesOf(env: Partial<Env>, problems: string[]) {
  const check = <T>(name: keyof Env, parse: (value: string) => T, fallback?: string): T | undefined => {
    const value = env[name] ?? fallback;
    try {
      if (typeof value !== "string" || value === "") throw new Error("is missing");
      return parse(value);
    } catch (error) {
      problems.push(`${name} ${(error as Error).message}`);
      return undefined;
    }
  };
  const none: Readonly<Record<string, string>> = {};
  return {
    /** The address that Twilio calls: an origin without a trailing slash. */
    publicBaseUrl: check("PUBLIC_BASE_URL", parseOrigin),
    /** The address that Twilio called before the deployment moved; null if it did not move. */
    previousPublicBaseUrl: env.PREVIOUS_PUBLIC_BASE_URL
      ? check("PREVIOUS_PUBLIC_BASE_URL", parseOrigin)
      : null,
    /** Twilio's REST API: an origin without a trailing slash. */
    twilioApiBaseUrl: check("TWILIO_API_BASE_URL", parseOrigin, "https://api.twilio.com"),
    /** The addresses of a simulator's other Regions, by Region. For Twilio itself they follow from the API's address. */
    twilioRegionBaseUrls: env.TWILIO_REGION_BASE_URLS ? check("TWILIO_REGION_BASE_URLS", parseRegions) : none,
    /** The deadline of one call to Twilio, in milliseconds. */
    twilioTimeoutMs: check("TWILIO_TIMEOUT_MS", parseTimeout, "8000"),
    /** See `vault/keyring.ts`. */
    tokenEncryptionKeys: check("TOKEN_ENCRYPTION_KEYS", parseKeys),
    /** See `vault/ids.ts`. */
    idSecret: check("ID_SECRET", parseIdSecret),
    /** Where all objects live by law; null if it does not matter. */
    jurisdiction: env.JURISDICTION ? check("JURISDICTION", oneOf(JURISDICTIONS)) : null,
    /** Near what they live. */
    locationHint: check("LOCATION_HINT", oneOf(LOCATION_HINTS), "enam"),
    adminToken: check("ADMIN_TOKEN", parseAdminToken),
    openSignup: env.OPEN_SIGNUP === "true",
    /** Whether a Twilio account may be connected by an API key in place of its Auth Token. */
    allowApiKeys: env.ALLOW_API_KEYS === "true",
    /** Whether API keys may make connect links. Never where anyone may have a key. */
    connectLinks: env.CONNECT_LINKS === "true" && env.OPEN_SIGNUP !== "true",
    /** The deadline of one delivery of an event, in milliseconds. */
    webhookTimeoutMs: check("WEBHOOK_TIMEOUT_MS", parseTimeout, "10000"),
    /** Whether agents may have webhook URLs on this machine, for local development. */
    allowLocalWebhooks: env.ALLOW_LOCAL_WEBHOOKS === "true",
    /** The language model of agents that talk by themselves; null if the deployment has none. */
    model: readModel(env, problems),
    /** How long a caller waits for a model's first word, in milliseconds. */
    modelTimeoutMs: check("MODEL_TIMEOUT_MS", parseTimeout, "8000"),
    /** How much an API key may use, unless the operator has set it otherwise. */
    defaultLimits: check("DEFAULT_LIMITS", parseDefaultLimits, "{}"),
  };
}

function readModel(env: Partial<Env> & OptionalEnv, problems: string[]): ModelConfig | null {
  const { MODEL_BASE_URL: url = "", MODEL: name = "", MODEL_API_KEY: key = "" } = env;
  const hasAi = typeof env.AI?.run === "function";
  const before = problems.length;
  if (key !== "" && !/^[\x21-\x7e]{1,1000}$/.test(key))
    problems.push("MODEL_API_KEY must be printable ASCII");
  if (name !== "" && !/^[\x21-\x7e]{1,200}$/.test(name)) problems.push("MODEL must be printable ASCII");
  if (url === "") {
    if (key !== "") problems.push("MODEL_API_KEY needs MODEL_BASE_URL");
    if (name !== "" && !hasAi) problems.push("MODEL needs MODEL_BASE_URL or the binding AI");
    if (!hasAi || problems.length > before) return null;
    return { baseUrl: null, model: name || WORKERS_AI_MODEL, apiKey: null };
  }
  if (name === "") problems.push("MODEL is missing; MODEL_BASE_URL needs it");
  try {
    return { baseUrl: parseBaseUrl(url), model: name, apiKey: key || null };
  } catch (error) {
    problems.push(`MODEL_BASE_URL ${(error as Error).message}`);
    return null;
  }
}

function parseBaseUrl(value: string): string {
  const url = URL.parse(value);
  if (!url) throw new Error("is not an http(s) URL");
  parseOrigin(url.origin);
  if (url.username || url.password || url.search || url.hash)
    throw new Error("must be without query, fragment and user");
  return url.href.replace(/\/+$/, "");
}

/** @throws Error that says what is wrong with it */
export function parseOrigin(value: string): string {
  const url = URL.parse(value);
  if (!url || (url.protocol !== "https:" && url.protocol !== "http:"))
    throw new Error("is not an http(s) URL");
  if (url.protocol === "http:" && !isLoopback(url.hostname))
    throw new Error("must be https outside localhost");
  if (url.username || url.password || url.pathname !== "/" || url.search || url.hash) {
    throw new Error("must be an origin, without path, query or user");
  }
  return url.origin;
}

/** Reads a list such as `ie1=http://127.0.0.1:4011,au1=http://127.0.0.1:4012`. */
function parseRegions(value: string): Record<string, string> {
  const entries = value.split(",").map((entry) => {
    const [, region, url] = /^\s*([a-z]{2}\d+)=(.+)$/.exec(entry) ?? [];
    if (!region || !url) throw new Error("must be a list such as ie1=http://127.0.0.1:4011");
    return [region, parseOrigin(url.trim())];
  });
  return Object.fromEntries(entries);
}

function isOnThisMachine(origin: string | undefined): boolean {
  return origin !== undefined && isLoopback(new URL(origin).hostname);
}

const oneOf =
  <T extends string>(values: readonly T[]) =>
  (value: string): T => {
    const found = values.find((known) => known === value);
    if (found === undefined) throw new Error(`must be one of ${values.join(", ")}`);
    return found;
  };

function parseTimeout(value: string): number {
  const milliseconds = Number(value);
  if (!Number.isInteger(milliseconds) || milliseconds < 1 || milliseconds > MAX_TIMEOUT_MS) {
    throw new Error(`must be a whole number of milliseconds from 1 to ${MAX_TIMEOUT_MS}`);
  }
  return milliseconds;
}

function parseKeys(value: string): string {
  try {
    parseKeyring(value);
  } catch (error) {
    throw new Error(`is faulty: ${(error as Error).message}`);
  }
  return value;
}

function parseAdminToken(value: string): string {
  if (value.length < MIN_ADMIN_TOKEN_LENGTH)
    throw new Error(`must have at least ${MIN_ADMIN_TOKEN_LENGTH} characters`);
  return value;
}

/** The addresses at which Twilio reaches this deployment. */
export function ownAddresses(config: Pick<Config, "publicBaseUrl" | "previousPublicBaseUrl">): string[] {
  return [config.publicBaseUrl, config.previousPublicBaseUrl].filter((address) => address !== null);
}
