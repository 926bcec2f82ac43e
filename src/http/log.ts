/** What a log line may hold beside its event: plain values, so that no object brings more than was meant. */
export type LogFields = Record<string, string | number | boolean | null | undefined>;

export type Logger = {
  info: (event: string, fields?: LogFields) => void;
  warn: (event: string, fields?: LogFields) => void;
  error: (event: string, fields?: LogFields) => void;
  /** From now on this very text is hidden in every line of this logger, wherever it turns up. */
  conceal: (secret: string) => void;
};

type Level = "info" | "warn" | "error";

const HIDDEN = "[redacted]";

// A request says what is concealed. It could otherwise blank an operator's lines by "secrets" that occur everywhere.
const MIN_CONCEALED_LENGTH = 8;

/** Fields with values of our own making, which no request can fill with a secret or wants hidden. */
const OURS: ReadonlySet<string> = new Set([
  "request_id",
  "key_id",
  "error_code",
  "route",
  "method",
  "phone_number_id",
]);

const SECRET_NAME = /token|secret|password|authorization|credential|cookie|api_?key$/i;

// Shapes of secrets that could turn up inside another text, such as a quoted upstream message.
const SECRET_SHAPES: readonly RegExp[] = [
  /nx(?:fs|ws|a)_[0-9a-z_]+/gi, // secrets of API keys and webhooks, admin tokens
  /\b(?:Basic|Bearer)\s+[^\s"']+/gi, // Authorization headers
  /(?<![0-9a-z_])[0-9a-f]{32}(?![0-9a-z_])/gi, // Twilio Auth Tokens; SIDs have a prefix and stay
  /(?<=:\/\/)[^/\s@"']+@/g, // user name and password in a URL
  /(?<=https?:\/\/[^\s"'?]+\?)[^\s"']+/g, // a URL's query string
];

/**
 * A logger that writes one JSON object per line to the console and can carry no secret: values under a telling
 * name are hidden, so are texts of a secret's shape, and so is every text given to `conceal`.
 *
 * @param base fields of every line, such as the request id
 * @param write where a line goes; the console by default
 */
export function createLogger(base: LogFields, write = writeToConsole): Logger {
  const concealed: string[] = [];
  const log =
    (level: Level) =>
    (event: string, fields: LogFields = {}) => {
      const line: LogFields = { level, event, ...base };
      for (const [name, value] of Object.entries(fields)) line[name] = redact(name, value, concealed);
      write(level, JSON.stringify(line));
    };
  return {
    info: log("info"),
    warn: log("warn"),
    error: log("error"),
    conceal: (secret) => {
      if (secret.length >= MIN_CONCEALED_LENGTH) concealed.push(secret);
    },
  };
}

function redact(name: string, value: LogFields[string], concealed: readonly string[]): LogFields[string] {
  if (typeof value !== "string" || OURS.has(name)) return value;
  if (SECRET_NAME.test(name)) return HIDDEN;
  const withoutKnown = concealed.reduce((text, secret) => text.replaceAll(secret, HIDDEN), value);
  return SECRET_SHAPES.reduce((text, shape) => text.replace(shape, HIDDEN), withoutKnown);
}

function writeToConsole(level: Level, line: string): void {
  // biome-ignore lint/suspicious/noConsole: the one place that writes log lines
  console[level](line);
}

/** An error as log fields: its name and message, and those of what caused it. */
export function errorFields(error: unknown): LogFields {
  if (!(error instanceof Error)) return { error_name: typeof error };
  const cause = error.cause instanceof Error ? { cause: `${error.cause.name}: ${error.cause.message}` } : {};
  return { error_name: error.name, error_message: error.message, ...cause };
}
