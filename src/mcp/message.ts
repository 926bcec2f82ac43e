import { isObject } from "../http/json.ts";

// Messages of the Model Context Protocol: JSON-RPC 2.0, one in each request.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http

/** The revisions that begin with `initialize`, newest first. Older ones want batches. */
export const HANDSHAKE_VERSIONS: readonly string[] = ["2025-11-25", "2025-06-18"];
/** The revision in which each request says what it needs. */
const STATELESS_VERSION = "2026-07-28";
export const VERSIONS: readonly string[] = [STATELESS_VERSION, ...HANDSHAKE_VERSIONS];

const VERSION_KEY = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES_KEY = "io.modelcontextprotocol/clientCapabilities";

/** Codes of JSON-RPC 2.0 and of the protocol's schema. */
export const RPC_CODES = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  headerMismatch: -32020,
  unsupportedVersion: -32022,
} as const;

/** A fault of the protocol. What goes wrong in a tool is a result instead. */
export class RpcError extends Error {
  override readonly name = "RpcError";
  readonly code: number;
  readonly status: 200 | 400 | 404;
  readonly data: unknown;

  constructor(code: keyof typeof RPC_CODES, message: string, { status = 400, data }: RpcErrorOptions = {}) {
    super(message);
    this.code = RPC_CODES[code];
    this.status = status;
    this.data = data;
  }
}

type RpcErrorOptions = { status?: RpcError["status"]; data?: unknown };

export type Message = {
  /** Undefined in a notification, which gets no answer. */
  id: string | number | undefined;
  method: string;
  params: Record<string, unknown>;
};

/** @throws RpcError */
export function parseMessage(text: string): Message {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    throw new RpcError("parseError", "The body is not JSON.");
  }
  if (Array.isArray(message)) {
    throw new RpcError(
      "invalidRequest",
      "Batches are not supported. Send each message in a request of its own.",
    );
  }
  if (!isObject(message) || message.jsonrpc !== "2.0" || typeof message.method !== "string") {
    throw new RpcError("invalidRequest", "The body is not a request or a notification of JSON-RPC 2.0.");
  }
  const { id, method, params = {} } = message;
  if (id !== undefined && typeof id !== "string" && !Number.isInteger(id)) {
    throw new RpcError("invalidRequest", "The id of a request is a string or an integer.");
  }
  if (!isObject(params)) throw new RpcError("invalidRequest", "The params of a request are an object.");
  return { id: id as Message["id"], method, params };
}

/**
 * Whether a message is of the revision without a handshake. Checks what its revision demands of headers and `_meta`.
 *
 * @throws RpcError
 */
export function isStateless({ id, method, params }: Message, headers: Headers): boolean {
  const meta = isObject(params._meta) ? params._meta : {};
  const header = headers.get("mcp-protocol-version")?.trim();
  const claimed = meta[VERSION_KEY];
  for (const version of [claimed, header]) {
    if (version !== undefined && !VERSIONS.includes(String(version))) {
      const data = { supported: VERSIONS, requested: String(version).slice(0, 64) };
      throw new RpcError("unsupportedVersion", "This server does not speak this version of MCP.", { data });
    }
  }
  if (header !== STATELESS_VERSION && claimed !== STATELESS_VERSION) return false;
  if (id === undefined) return true;
  const wrong = [VERSION_KEY, CAPABILITIES_KEY].filter((key) => meta[key] === undefined);
  if (wrong.length > 0) throw new RpcError("invalidParams", `params._meta lacks ${wrong.join(" and ")}.`);
  const mirrored = {
    "MCP-Protocol-Version": claimed,
    "Mcp-Method": method,
    ...(method === "tools/call" && { "Mcp-Name": params.name }),
  };
  for (const [name, value] of Object.entries(mirrored)) {
    if (headers.get(name)?.trim() !== value) {
      throw new RpcError("headerMismatch", `The header ${name} must be there and agree with the body.`);
    }
  }
  return true;
}
