/** The fields of a log line beside its event. Plain values only: an object could bring in fields nobody meant to log. */
export type LogFields = Record<string, string | number | boolean | null | undefined>;

export type Logger = {
  info: (event: string, fields?: LogFields) => void;
  warn: (event: string, fields?: LogFields) => void;
  error: (event: string, fields?: LogFields) => void;
  /** From now on this logger hides this exact text in all of its lines. */
  conceal: (secret: string) => void;
};

type Level = "info" | "warn" | "error";

const HIDDEN = "[redacted]";

// The caller chooses the text to conceal. A short one, such as "e", would hide parts of every line from the operator.
const MIN_CONCEALED_LENGTH = 8;

/** Fields whose values we make ourselves. No request can put a secret into them, and none may hide them. */
const OURS: ReadonlySet<string> = new Set([
  "request_id",
  "key_id",
  "error_code",
  "route",
  "method",
  "phone_number_id",
]);

const SECRET_NAME = /token|secret|password|authorization|credential|cookie|api_?key$/i;

// The shapes of secrets that may stand inside another text, such as a quoted message of Twilio's.
const SECRET_SHAPES: readonly RegExp[] = [
  /nx(?:fs|fl|ws|a)_[0-9a-z_]+/gi, // secrets of API keys, connect links and webhooks, admin tokens
  /\b(?:Basic|Bearer)\s+[^\s"']+/gi, // Authorization headers
  /(?<![0-9a-z_])[0-9a-f]{32}(?![0-9a-z_])/gi, // Twilio Auth Tokens; SIDs have a prefix and stay
  /(?<=:\/\/)[^/\s@"']+@/g, // user name and password in a URL
  /(?<=https?:\/\/[^\s"'?]+\?)[^\s"']+/g, // a URL's query string
];

/**
 * A logger that writes one JSON object per line, and no secret. It hides values whose field name sounds secret, texts
 * with the shape of a secret, and every text given to `conceal`.
 *
 * @param base fields of every line, such as the request id
 * @param write takes each finished line; writes it to the console by default
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

/** An error as log fields: its name and message, and the name and message of its cause. */
export function errorFields(error: unknown): LogFields {
  if (!(error instanceof Error)) return { error_name: typeof error };
  const cause = error.cause instanceof Error ? { cause: `${error.cause.name}: ${error.cause.message}` } : {};
  return { error_name: error.name, error_message: error.message, ...cause };
}
