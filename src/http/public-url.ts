// A URL that a customer gives is untrusted input: it may point at what only we, or only its author's machine, can reach.

type Rules = {
  protocol: "https:" | "wss:";
  /** Our own addresses, which no customer's URL may name: an event about an event would have no end. */
  ownUrls?: readonly string[];
  /** Lets the machine itself pass, with TLS or without, for local development. */
  allowLocal?: boolean;
};

// Names that mean something only inside a network. https://www.iana.org/assignments/special-use-domain-names
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
];

/** Whether this is an absolute URL of the protocol, without user name and password, whose host has a public name. */
export function isPublicUrl(value: string, { protocol, ownUrls = [], allowLocal = false }: Rules): boolean {
  // The parser drops these, and whoever is given the URL as it was written may not.
  if (/[\t\n\r]/.test(value)) return false;
  const url = URL.parse(value);
  const own = ownUrls.map((address) => new URL(address));
  if (url?.username !== "" || url.password !== "") return false;
  if (allowLocal && isLocal(url, protocol)) return !own.some(({ host }) => host === url.host);
  const name = url.hostname.replace(/\.$/, "");
  return url.protocol === protocol && !own.some(({ hostname }) => hostname === name) && isPublicName(name);
}

/**
 * A name with a dot that is no IP address and ends in no private suffix. The URL parser has already made an address of
 * every other spelling of one (`0x7f.1`, `2130706433`), and small letters of capital ones.
 */
function isPublicName(name: string): boolean {
  if (name.startsWith("[") || /^[\d.]+$/.test(name) || !name.includes(".")) return false;
  if (name.split(".").includes("")) return false;
  return !PRIVATE_SUFFIXES.some((suffix) => name === suffix || name.endsWith(`.${suffix}`));
}

/** RFC 6761, 6.3, and the loopback addresses. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

function isLocal(url: URL, protocol: Rules["protocol"]): boolean {
  const plain = protocol === "wss:" ? "ws:" : "http:";
  return (url.protocol === protocol || url.protocol === plain) && isLoopback(url.hostname);
}
