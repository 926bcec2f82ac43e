import type { AppContext } from "../http/context.ts";
import { errorResponse } from "../http/error-handler.ts";
import { ApiError } from "../http/errors.ts";
import { IDEMPOTENCY_HEADER } from "../http/idempotency.ts";
import { isObject } from "../http/json.ts";
import { PlanRequest } from "../http/plan.ts";
import { type Catalogue, type CataloguedTool, readCatalogue } from "./catalogue.ts";
import { HANDSHAKE_VERSIONS, type Message, RpcError, VERSIONS } from "./message.ts";
import { type ApiRequest, toolRequest } from "./tool-request.ts";

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

const MAX_ANSWER_BYTES = 1_000_000;

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
    const { act, plan, lookup } = toolRequest(entry, args);
    if (plan !== "check") {
      const answer = await callApi(apiRequest(act, c), c);
      return await toolResult(answer, plan && answer.ok ? NOT_APPLIED : undefined);
    }
    // What has no body is only asked whether this secret may.
    let checked = await callApi(new PlanRequest(apiRequest(act, c)), c);
    if (checked.ok && lookup && !entry.hasBody) checked = await callApi(apiRequest(lookup, c), c);
    return checked.ok ? await plannedOnly(entry, act, checked) : await toolResult(checked);
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

function apiRequest({ method, path, body, idempotencyKey }: ApiRequest, c: AppContext): Request {
  const headers = {
    authorization: c.req.header("authorization") ?? "",
    "content-type": "application/json",
    ...(idempotencyKey !== undefined && { [IDEMPOTENCY_HEADER]: idempotencyKey }),
  };
  return new Request(new URL(path, c.req.url), { method, headers, body: body ?? null });
}

/** The answer to a change that has no dry run; `checked` is what the API says of it. */
async function plannedOnly(
  { tool, hasBody }: CataloguedTool,
  { method, path }: ApiRequest,
  checked: Response,
): Promise<Result> {
  const said = await readAnswer(checked);
  const plan = {
    applied: false,
    would: tool.title,
    request: `${method} ${path}`,
    ...(hasBody && { body: JSON.parse(said) }),
    checked: true,
  };
  return {
    content: [text(JSON.stringify(plan)), text(NOT_APPLIED)],
    structuredContent: plan,
    isError: false,
  };
}

async function toolResult(answer: Response, note?: string): Promise<Result> {
  const body = await readAnswer(answer);
  return {
    content: [text(body), ...(note === undefined ? [] : [text(note)])],
    structuredContent: JSON.parse(body),
    isError: !answer.ok,
    _meta: { "x-request-id": answer.headers.get("x-request-id") },
  };
}

/** @throws ApiError `answer_too_large` */
async function readAnswer({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let read = "";
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) throw new ApiError("answer_too_large");
    read += decoder.decode(chunk, { stream: true });
  }
  return read + decoder.decode();
}

const text = (content: string) => ({ type: "text", text: content });

const invalidParams = (message: string) => new RpcError("invalidParams", message, { status: 200 });
