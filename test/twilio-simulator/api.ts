import { type Context, Hono } from "hono";
import { refusalOfKey, signedIn } from "./api-keys.ts";
import { addOutbound, outboundOperation } from "./outbound.ts";
import { addOtherProducts } from "./products.ts";
import { addRecordings } from "./recordings.ts";
import type { NumberResource } from "./resource.ts";
import { type Account, addNumber, type Operation, type State } from "./state.ts";
import { updateNumber } from "./update.ts";
import { webhooksOperation } from "./webhook-configuration.ts";

// https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource

const ACCOUNT = "/2010-04-01/Accounts/:account";
const LIST = `${ACCOUNT}/IncomingPhoneNumbers.json`;
const INSTANCE = `${ACCOUNT}/IncomingPhoneNumbers/:sid{PN[0-9a-fA-F]{32}\\.json}`;

const ACCOUNTS = "/2010-04-01/Accounts.json";
const ACCOUNT_FILE = "/2010-04-01/Accounts/:account{AC[0-9a-fA-F]{32}\\.json}";

const DEFAULT_PAGE_SIZE = 50;
const MAX_PAGE_SIZE = 1000;

/** The operation of a request, or undefined if Twilio has no such path. */
export function operationOf(request: Request): Operation | undefined {
  const { pathname } = new URL(request.url);
  const isGet = request.method === "GET";
  if (/\/IncomingPhoneNumbers\.json$/.test(pathname)) return isGet ? "list" : "buy";
  if (/\/AvailablePhoneNumbers\/[A-Z]{2}\/Local\.json$/.test(pathname))
    return isGet ? "available" : undefined;
  if (pathname === ACCOUNTS) return isGet ? "accounts" : undefined;
  if (/\/(?:Messages|Calls|Calls\/CA\w+)\.json$/.test(pathname)) return outboundOperation(pathname, isGet);
  if (/\/Accounts\/AC[0-9a-fA-F]{32}\.json$/.test(pathname)) return isGet ? "account" : undefined;
  if (pathname === "/v1/Services") return isGet ? "services" : undefined;
  if (/^\/v1\/Services\/MG\w+\/PhoneNumbers\/PN\w+$/.test(pathname))
    return isGet ? "service_number" : undefined;
  if (/^\/v1\/Services\/\w+\/PhoneNumbers$/.test(pathname)) return isGet ? "service_numbers" : undefined;
  if (pathname.endsWith("/Compliance/Usa2p")) return isGet ? "campaigns" : undefined;
  if (pathname === "/v1/Tollfree/Verifications") return isGet ? "verifications" : undefined;
  if (pathname.startsWith("/v1/Webhooks/")) return webhooksOperation(request.method, pathname);
  if (/^\/v2\/PhoneNumbers\//.test(pathname)) return isGet ? "routing" : undefined;
  if (!/\/IncomingPhoneNumbers\/PN[0-9a-fA-F]{32}\.json$/.test(pathname)) return undefined;
  if (isGet) return "fetch";
  if (request.method === "POST") return "update";
  return request.method === "DELETE" ? "release" : undefined;
}

/**
 * The parts of Twilio's REST API in one Region that this service uses.
 *
 * @param regions all Regions, by name; the routing of calls knows their accounts
 * @param send sends the requests to webhooks
 */
export function createApi(
  state: State,
  regions: Readonly<Record<string, State>>,
  send: (request: Request) => Promise<Response>,
): Hono {
  const api = new Hono();

  api.use(ACCOUNTS, async (c, next) => {
    const refusal = authenticate(state, c.req.raw);
    if (refusal) return refusal;
    await next();
    return;
  });

  api.use(ACCOUNT_FILE, async (c, next) => {
    const refusal = authenticate(state, c.req.raw, c.req.param("account") ?? "");
    if (refusal) return refusal;
    await next();
    return;
  });

  api.use(`${ACCOUNT}/*`, async (c, next) => {
    const refusal = authenticate(state, c.req.raw, c.req.param("account") ?? "");
    if (refusal) return refusal;
    await next();
    c.header("Twilio-Request-Id", `RQ${crypto.randomUUID().replaceAll("-", "")}`);
    return;
  });

  api.get(LIST, (c) => {
    const query = new URL(c.req.url).searchParams;
    record("list", c, query);
    const pageSize = Number(query.get("PageSize") ?? DEFAULT_PAGE_SIZE);
    if (!Number.isInteger(pageSize) || pageSize < 1) return error(400, 20001, "Invalid PageSize");
    if (pageSize > MAX_PAGE_SIZE) return error(400, 20007, "Page size too large");
    const matches = matching(state.numbers, c.req.param("account") ?? "", query);
    return c.json(page(c.req.path, query, "incoming_phone_numbers", matches, pageSize));
  });

  // https://www.twilio.com/docs/phone-numbers/api/availablephonenumberlocal-resource
  api.get(`${ACCOUNT}/AvailablePhoneNumbers/:country/Local.json`, (c) => {
    record("available", c, new URL(c.req.url).searchParams);
    const numbers = state.available.map((phone_number) => ({ phone_number, friendly_name: phone_number }));
    return c.json({ available_phone_numbers: numbers, uri: c.req.path });
  });

  api.post(LIST, async (c) => {
    const form = new URLSearchParams(new TextDecoder().decode(await c.req.arrayBuffer()));
    record("buy", c, form);
    const account = state.accounts.get(c.req.param("account") ?? "");
    const index = state.available.indexOf(form.get("PhoneNumber") ?? "");
    const [phone_number] = index < 0 ? [] : state.available.splice(index, 1);
    if (!account || phone_number === undefined)
      return error(400, 21422, "Phone number not available for purchase");
    return c.json(addNumber(state, account, { phone_number }), 201);
  });

  api.get(INSTANCE, (c) => {
    record("fetch", c, new URLSearchParams());
    const number = find(c);
    return number ? c.json(number) : notFound(c);
  });

  api.post(INSTANCE, async (c) => {
    const form = new URLSearchParams(new TextDecoder().decode(await c.req.arrayBuffer()));
    record("update", c, form);
    const number = find(c);
    if (!number) return notFound(c);
    const result = updateNumber(state, number, form);
    return "code" in result ? error(400, result.code, result.message) : c.json(result);
  });

  api.delete(INSTANCE, (c) => {
    record("release", c, new URLSearchParams());
    const number = find(c);
    if (!number) return notFound(c);
    state.numbers.delete(number.sid);
    return c.body(null, 204);
  });

  api.get(`${ACCOUNT_FILE}`, (c) => {
    record("account", c, new URLSearchParams());
    const account = state.accounts.get((c.req.param("account") ?? "").replace(/\.json$/, ""));
    return account ? c.json(accountResource(account)) : notFound(c);
  });

  // https://www.twilio.com/docs/iam/api/account#read-multiple-account-resources
  api.get(ACCOUNTS, (c) => {
    const query = new URL(c.req.url).searchParams;
    record("accounts", c, query);
    const pageSize = Number(query.get("PageSize") ?? DEFAULT_PAGE_SIZE);
    if (!Number.isInteger(pageSize) || pageSize < 1) return error(400, 20001, "Invalid PageSize");
    if (pageSize > MAX_PAGE_SIZE) return error(400, 20007, "Page size too large");
    const [sid = ""] = decodeBasic(c.req.header("authorization") ?? "");
    const status = query.get("Status");
    const known = [...state.accounts.values()]
      .filter((account) => account.sid === sid || account.ownerSid === sid)
      .map(accountResource)
      .filter((account) => status === null || account.status === status);
    return c.json(page(c.req.path, query, "accounts", known, pageSize));
  });

  addOutbound(api, state, error, record);
  addRecordings(api, state, error);
  addOtherProducts(api, state, regions, authenticate, record, send);

  api.notFound(notFound);
  return api;

  function record(operation: Operation, c: Context, parameters: URLSearchParams): void {
    state.requests.push({ operation, path: c.req.path, parameters: Object.fromEntries(parameters) });
  }

  function find(c: Context): NumberResource | undefined {
    const number = state.numbers.get((c.req.param("sid") ?? "").replace(/\.json$/, ""));
    return number?.account_sid === c.req.param("account") ? number : undefined;
  }
}

/**
 * Basic authentication. An account may use itself and its subaccounts, an API key its own account only. The refusals have
 * Twilio's words.
 */
function authenticate(state: State, request: Request, path?: string): Response | undefined {
  const header = request.headers.get("authorization");
  if (!header?.startsWith("Basic ")) {
    return error(401, 20003, "Authentication Error - No credentials provided", {
      detail: "Your AccountSid or AuthToken was incorrect.",
    });
  }
  const [username = "", password = ""] = decodeBasic(header);
  const found = signedIn(state, username);
  if (!found) return error(401, 20003, "Authentication Error - invalid username");
  const { account, key } = found;
  const isRight = key
    ? password === key.secret
    : password === account.authToken || password === account.secondaryAuthToken;
  if (!isRight) return error(401, 20003, "Authenticate");
  if (account.isSuspended) return error(403, 20005, "Account not active");
  const target = path === undefined ? account : state.accounts.get(path.replace(/\.json$/, ""));
  if (!target) return error(404, 20404, `The requested resource /2010-04-01/Accounts/${path} was not found`);
  if (!(key ? target === account : reaches(account, target))) return error(401, 20003, "Authenticate");
  const refusal = key && refusalOfKey(key, request);
  return refusal && error(401, ...refusal);
}

function reaches(account: Account, target: Account): boolean {
  return target.sid === account.sid || target.ownerSid === account.sid;
}

export function decodeBasic(header: string): string[] {
  const bytes = Uint8Array.from(atob(header.slice("Basic ".length)), (character) => character.charCodeAt(0));
  const text = new TextDecoder().decode(bytes);
  const colon = text.indexOf(":");
  return colon === -1 ? [text] : [text.slice(0, colon), text.slice(colon + 1)];
}

/** `PhoneNumber` is a pattern: it matches anywhere in the number, and `*` matches any digit. */
function matching(numbers: State["numbers"], accountSid: string, query: URLSearchParams): NumberResource[] {
  const friendlyName = query.get("FriendlyName");
  const escaped = (query.get("PhoneNumber") ?? "")
    .replace(/[^0-9*]/g, (character) => `\\${character}`)
    .replaceAll("*", "[0-9]");
  const pattern = new RegExp(escaped);
  return numbers
    .of(accountSid)
    .filter(
      (number) =>
        pattern.test(number.phone_number) && (friendlyName === null || number.friendly_name === friendlyName),
    );
}

function page(
  path: string,
  query: URLSearchParams,
  name: string,
  matches: { sid: string }[],
  pageSize: number,
) {
  const index = Number(query.get("Page") ?? 0);
  const start = index * pageSize;
  const entries = matches.slice(start, start + pageSize);
  const uri = (of: number) => {
    const parameters = new URLSearchParams(query);
    parameters.set("PageSize", String(pageSize));
    parameters.set("Page", String(of));
    if (of > 0) parameters.set("PageToken", `PA${matches[of * pageSize - 1]?.sid}`);
    else parameters.delete("PageToken");
    return `${path}?${parameters}`;
  };
  return {
    first_page_uri: uri(0),
    end: Math.max(start + entries.length - 1, 0),
    [name]: entries,
    next_page_uri: start + pageSize < matches.length ? uri(index + 1) : null,
    page: index,
    page_size: pageSize,
    previous_page_uri: index > 0 ? uri(index - 1) : null,
    start,
    uri: uri(index),
  };
}

/** Like Twilio's, the resource holds the token in the clear. */
function accountResource({ sid, authToken, ownerSid, isSuspended, type }: Account) {
  return {
    sid,
    auth_token: authToken,
    owner_account_sid: ownerSid ?? sid,
    status: isSuspended ? "suspended" : "active",
    type: type ?? "Full",
    friendly_name: `${sid.slice(-4)}'s Account`,
  };
}

export function notFound(c: Context): Response {
  return error(404, 20404, `The requested resource ${c.req.path} was not found`);
}

function error(status: number, code: number, message: string, extra: Record<string, string> = {}): Response {
  const body = { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status, ...extra };
  const headers = status === 401 ? { "www-authenticate": 'Basic realm="Twilio API"' } : {};
  return Response.json(body, { status, headers });
}
