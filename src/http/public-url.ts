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
];

/** Whether this is an absolute URL of the protocol, with a public host name and without user name and password. */
export function isPublicUrl(value: string, { protocol, ownUrls = [], allowLocal = false }: Rules): boolean {
  // Our parser drops these characters. A system that reads the original text may not.
  if (/[\t\n\r]/.test(value)) return false;
  const url = URL.parse(value);
  const own = ownUrls.map((address) => new URL(address));
  if (url?.username !== "" || url.password !== "") return false;
  if (allowLocal && isLocal(url, protocol)) return !own.some(({ host }) => host === url.host);
  const name = url.hostname.replace(/\.$/, "");
  return url.protocol === protocol && !own.some(({ hostname }) => hostname === name) && isPublicName(name);
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
