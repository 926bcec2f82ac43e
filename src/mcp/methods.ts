import type { AppContext } from "../http/context.ts";
import { errorResponse } from "../http/error-handler.ts";
import { ApiError } from "../http/errors.ts";
import { isObject } from "../http/json.ts";
import { type Catalogue, type CataloguedTool, readCatalogue } from "./catalogue.ts";
import { HANDSHAKE_VERSIONS, type Message, RpcError, VERSIONS } from "./message.ts";
import { toolRequest } from "./tool-request.ts";

/** Answers a request to the API as if the caller had sent it. */
export type CallApi = (request: Request, c: AppContext) => Response | Promise<Response>;

type Result = Record<string, unknown>;
type Method = (
  message: Message,
  catalogue: Catalogue,
  c: AppContext,
  callApi: CallApi,
) => Result | Promise<Result>;

const CAPABILITIES = { tools: {} };
// The tools are the same for everybody, and change only with a deployment.
const CACHING = { ttlMs: 300_000, cacheScope: "public" };

const listTools: Method = ({ params }, { tools }) => {
  if (params.cursor !== undefined) throw invalidParams("The tools are one page. Send no cursor.");
  return { tools: tools.map(({ tool }) => tool), ...CACHING };
};

const callTool: Method = async ({ params }, { tools }, c, callApi) => {
  const { name, arguments: args = {} } = params;
  const entry = tools.find(({ tool }) => tool.name === name);
  if (!entry) throw invalidParams("There is no tool with this name. tools/list has all tools.");
  if (!isObject(args)) throw invalidParams("The arguments of a tool are an object.");
  try {
    const request = toolRequest(entry, args);
    if (!request) return plannedOnly(entry);
    const { method, path, body = null } = request;
    const headers = {
      authorization: c.req.header("authorization") ?? "",
      "content-type": "application/json",
    };
    const answer = await callApi(new Request(new URL(path, c.req.url), { method, headers, body }), c);
    const isPlan = "apply" in entry.tool.inputSchema.properties && args.apply !== true;
    return await toolResult(answer, isPlan && answer.ok ? NOT_APPLIED : undefined);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return toolResult(errorResponse(c, error));
  }
};

const initialize: Method = ({ params }, { serverInfo, instructions }) => {
  const wanted = String(params.protocolVersion);
  const [newest] = HANDSHAKE_VERSIONS;
  const protocolVersion = HANDSHAKE_VERSIONS.includes(wanted) ? wanted : newest;
  return { protocolVersion, capabilities: CAPABILITIES, serverInfo, instructions };
};

const discover: Method = (_, { instructions }) => ({
  supportedVersions: VERSIONS,
  capabilities: CAPABILITIES,
  instructions,
  ...CACHING,
});

const TOOLS: Record<string, Method> = { "tools/list": listTools, "tools/call": callTool };
const HANDSHAKE: Record<string, Method> = { ...TOOLS, initialize, ping: () => ({}) };
const STATELESS: Record<string, Method> = { ...TOOLS, "server/discover": discover };

/**
 * The result of a request.
 *
 * @param isStateless whether the request is of the revision without a handshake
 * @throws RpcError if the protocol forbids the request. What goes wrong in a tool is a result.
 */
export async function resultOf(
  message: Message,
  isStateless: boolean,
  c: AppContext,
  callApi: CallApi,
): Promise<Result> {
  const methods = isStateless ? STATELESS : HANDSHAKE;
  const method = Object.hasOwn(methods, message.method) ? methods[message.method] : undefined;
  if (!method) {
    const status = isStateless ? 404 : 200;
    throw new RpcError("methodNotFound", "This server does not have this method.", { status });
  }
  const catalogue = await readCatalogue(c);
  const result = await method(message, catalogue, c, callApi);
  if (!isStateless) return result;
  const meta = { "io.modelcontextprotocol/serverInfo": catalogue.serverInfo };
  return { resultType: "complete", ...result, _meta: { ...(result._meta as object | undefined), ...meta } };
}

const NOT_APPLIED =
  "This is a plan: nothing was changed. To carry it out, call the tool again with apply: true.";

/** The answer to a change that has no dry run. It repeats no argument, because one may be a secret. */
function plannedOnly({ tool, method, path }: CataloguedTool): Result {
  const plan = { applied: false, would: tool.title, request: `${method} ${path}` };
  return {
    content: [text(JSON.stringify(plan)), text(NOT_APPLIED)],
    structuredContent: plan,
    isError: false,
  };
}

async function toolResult(answer: Response, note?: string): Promise<Result> {
  const body = await answer.text();
  const isJson = answer.headers.get("content-type")?.startsWith("application/json");
  return {
    content: [text(body), ...(note === undefined ? [] : [text(note)])],
    ...(isJson && { structuredContent: JSON.parse(body) }),
    isError: !answer.ok,
    _meta: { "x-request-id": answer.headers.get("x-request-id") },
  };
}

const text = (content: string) => ({ type: "text", text: content });

const invalidParams = (message: string) => new RpcError("invalidParams", message, { status: 200 });
