// A customer's URL is untrusted input: it may point to an address that only our network can reach.

type Rules = {
  protocol: "https:" | "wss:";
  /** Our own addresses. A customer's URL must not name them: events about events would never end. */
  ownUrls?: readonly string[];
  /** Allows http and this machine, for local development. */
  allowLocal?: boolean;
};

// Names that have a meaning only inside a network. https://www.iana.org/assignments/special-use-domain-names
const PRIVATE_SUFFIXES = [
  "localhost",
  "local",
  "internal",
  "intranet",
  "lan",
  "home",
  "corp",
  "private",
  "localdomain",
  "home.arpa",
  "in-addr.arpa",
  "ip6.arpa",
  "onion",
  "invalid",
  "svc",
  "test",
  "consul",
  "fritz.box",
  "asus",
  "nip.io",
  "sslip.io",
];

/** Below it are ports of services that are not the web's, as mail and SSH. */
const FIRST_OPEN_PORT = 1_024;

/** Which rule a URL breaks, and what to say about it after the field's name. */
export const URL_RULES = {
  control_character: "must not contain a tab or a line break.",
  not_absolute: "must begin with a scheme and two slashes.",
  credentials: "must not contain a user name or password.",
  protocol: "must begin with https://.",
  own_host: "must not point to this deployment itself.",
  local_host: "must not point to this machine.",
  port: "must have port 443, or one from 1024 on.",
  private_host: "must not have an IP address as its host, or a name that only a private network knows.",
} as const;

export type UrlRule = keyof typeof URL_RULES;

/**
 * The rule that a URL breaks; undefined if it is an absolute URL of the protocol, with a public host name and without user
 * name and password. What is used of it afterwards is its normal form (`href`): other parsers may read an odd spelling
 * otherwise.
 */
export function brokenRule(
  value: string,
  { protocol, ownUrls = [], allowLocal = false }: Rules,
): UrlRule | undefined {
  // Our parser drops these characters. A system that reads the original text may not.
  if (/[\t\n\r]/.test(value)) return "control_character";
  const url = URL.parse(value);
  if (!url || !/^\s*[a-z][a-z0-9+.-]*:\/\//i.test(value)) return "not_absolute";
  if (url.username !== "" || url.password !== "") return "credentials";
  const own = ownUrls.map((address) => new URL(address));
  if (allowLocal && isLocal(url, protocol)) {
    return own.some(({ host }) => host === url.host) ? "own_host" : undefined;
  }
  const name = url.hostname.replace(/\.$/, "");
  if (isLoopback(name)) return "local_host";
  if (url.protocol !== protocol) return "protocol";
  if (own.some(({ hostname }) => hostname === name)) return "own_host";
  if (url.port !== "" && Number(url.port) < FIRST_OPEN_PORT) return "port";
  return isPublicName(name) ? undefined : "private_host";
}

/** Whether a URL breaks no rule. */
export function isPublicUrl(value: string, rules: Rules): boolean {
  return brokenRule(value, rules) === undefined;
}

/**
 * A name with a dot that is not an IP address and has no private suffix. The URL parser has already turned every other
 * spelling of an address (`0x7f.1`, `2130706433`) into the usual one, and capital letters into small ones.
 */
function isPublicName(name: string): boolean {
  if (name.startsWith("[") || /^[\d.]+$/.test(name) || !name.includes(".")) return false;
  if (name.split(".").includes("")) return false;
  return !PRIVATE_SUFFIXES.some((suffix) => name === suffix || name.endsWith(`.${suffix}`));
}

/** `localhost` (RFC 6761, 6.3) and the loopback addresses. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

function isLocal(url: URL, protocol: Rules["protocol"]): boolean {
  const plain = protocol === "wss:" ? "ws:" : "http:";
  return (url.protocol === protocol || url.protocol === plain) && isLoopback(url.hostname);
}
