import type { Context, Hono } from "hono";
import { decodeBasic } from "./api.ts";
import type { Account, Operation, SettingReference, State, WebhookRule } from "./state.ts";
import {
  configurationOf,
  keyOf,
  type OperationResource,
  type Resource,
  type SettingResource,
  type SharedKeyResource,
  signed,
} from "./webhook-rules.ts";

// Twilio's Webhooks configuration API. The forms are those of twilio-node 6.3.1 (rest/webhooks/v1), the rest is in
// https://www.twilio.com/docs/usage/webhooks/webhook-configuration and the pages that it names.

type Body = Record<string, unknown>;
const BASE = "/v1/Webhooks";
const MAX_RESOURCES = 50;
/** The fields of a body that twilio-node knows. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  SharedKeys: ["type", "friendlyName"],
  Settings: ["friendlyName", "description", "auth", "signature", "connection", "edgeZones"],
  Rules: ["friendlyName", "description", "matchType", "prefix", "value", "settings"],
};
const ALGORITHMS = ["HMAC_SHA1", "HMAC_SHA256"];
const RETRY_ON = ["HTTP_4XX", "HTTP_5XX", "CONNECTION_TIMEOUT", "READ_TIMEOUT", "ALL"];

/** The operation of a request to this API, as faults name it. */
export function webhooksOperation(method: string, pathname: string): Operation | undefined {
  const [kind = "", id] = pathname.startsWith(`${BASE}/`) ? pathname.slice(BASE.length + 1).split("/") : [];
  const names: Record<string, string> = { SharedKeys: "shared_key", Settings: "setting", Rules: "rule" };
  if (kind === "Operations") return "webhook_operations";
  if (kind === "Tests") return "test_webhook";
  const name = names[kind];
  if (name === undefined) return undefined;
  if (method === "GET") return `webhook_${name}s` as Operation;
  const verbs: Record<string, string> = { POST: "create", PATCH: "change", DELETE: "delete" };
  return verbs[method] === undefined || (method === "POST") !== (id === undefined)
    ? undefined
    : (`${verbs[method]}_${name}` as Operation);
}

/** @param ownerOf the account of the credentials, once they are accepted */
export function addWebhooksApi(
  api: Hono,
  ownerOf: (c: Context) => Account | undefined,
  record: (operation: Operation, c: Context, parameters: URLSearchParams) => void,
  send: (request: Request) => Promise<Response>,
  state: State,
): void {
  api.all(`${BASE}/:kind/:id?`, async (c) => {
    const account = ownerOf(c);
    const operation = webhooksOperation(c.req.method, c.req.path);
    if (!account || !operation || account.webhookRules === "forbidden")
      return problem(404, 20404, "Not found");
    record(operation, c, new URL(c.req.url).searchParams);
    const isKey = decodeBasic(c.req.header("authorization") ?? "")[0]?.startsWith("SK");
    if (isKey && !configurationOf(account).keysMay) return problem(401, 20003, "Authenticate");
    account.webhookRules ??= [];
    const body: unknown = await c.req.json().catch(() => ({}));
    // What was sent in JSON, for tests to read.
    const recorded = state.requests.at(-1);
    if (recorded) recorded.body = body;
    const { kind, id } = c.req.param();
    const given = (body ?? {}) as Body;
    const { method } = c.req;
    if (kind === "Tests") return test(account, given, send);
    if (method === "GET") return read(c, account, account.webhookRules, kind, id);
    if (method === "POST") return create(account, account.webhookRules, kind, given);
    if (method === "PATCH") return change(account, account.webhookRules, id ?? "", given);
    return remove(account, account.webhookRules, kind, id ?? "");
  });
}

function read(c: Context, account: Account, rules: WebhookRule[], kind: string, id?: string): Response {
  const { sharedKeys, settings, operations } = configurationOf(account);
  const query = new URL(c.req.url).searchParams;
  const isNamed = (field: string, value: unknown) => !query.has(field) || query.get(field) === value;
  const lists: Record<string, { id: string }[]> = {
    sharedKeys: sharedKeys.map(({ secret: _, ...key }) => key),
    settings: settings.filter(({ signature }) => isNamed("sharedKeyId", signature?.sharedKeyId)),
    rules: rules
      .filter(({ settings: used }) =>
        isNamed("settingId", used?.find(({ settingId }) => settingId === query.get("settingId"))?.settingId),
      )
      .map(shownRule),
    operations: operations
      .filter(({ resourceId }) => isNamed("resourceId", resourceId))
      .map((operation) => shownOperation(account, operation))
      .reverse(),
  };
  const key = `${kind.charAt(0).toLowerCase()}${kind.slice(1)}`;
  const all = lists[key] ?? [];
  if (id !== undefined) {
    const one = all.find((resource) => resource.id === id);
    return one ? Response.json(one) : problem(404, 20404, "Not found");
  }
  const size = Number(query.get("pageSize") ?? 50);
  const start = Number(query.get("pageToken") ?? 0);
  const nextToken = all.length > start + size ? String(start + size) : null;
  return Response.json({ [key]: all.slice(start, start + size), meta: { key, pageSize: size, nextToken } });
}

function create(account: Account, rules: WebhookRule[], kind: string, given: Body): Response {
  const { sharedKeys, settings, sharedKeyType, schemeNone } = configurationOf(account);
  const counted = { SharedKeys: sharedKeys, Settings: settings, Rules: rules }[kind] ?? [];
  if (counted.length >= MAX_RESOURCES) return problem(409, 59200, "Account Limit Reached");
  const strange = faultOfFields(kind, given);
  if (strange) return invalid(strange);
  if (kind === "SharedKeys") {
    const { type, friendlyName } = given;
    if ((type === undefined) !== (sharedKeyType === "unknown")) return invalid("type");
    const key = { ...resource("sharedkey", friendlyName), secret: crypto.randomUUID().replaceAll("-", "") };
    sharedKeys.push(key);
    return Response.json(key, { status: 201 });
  }
  if (kind === "Settings") {
    const fault = faultOfSetting(given, sharedKeys, schemeNone);
    if (fault) return invalid(fault);
    const { auth, signature, connection } = given as SettingResource;
    const shown = { auth, ...(signature && { signature }), ...(connection && { connection }) };
    const setting = { ...resource("setting", given.friendlyName), type: "CUSTOMER" as const, ...shown };
    settings.push(setting);
    return Response.json(setting, { status: 201 });
  }
  const fault = faultOfRule(given, settings);
  if (fault) return invalid(fault);
  const {
    matchType,
    prefix,
    value,
    settings: used,
  } = given as WebhookRule & { prefix: string; value: string };
  const isSame = (rule: WebhookRule) =>
    rule.matchType === matchType &&
    ("prefix" in rule ? rule.prefix === prefix : "value" in rule ? rule.value === value : true);
  if (rules.some(isSame)) return problem(409, 59103, "Duplicate match pattern");
  if (isGuarded(matchType, used, settings)) return guardrail();
  const match = { EXACT_MATCH: { value }, PREFIX_MATCH: { prefix }, DEFAULT: {} }[matchType];
  const { id, friendlyName } = resource("rule", given.friendlyName);
  const rule = { id, friendlyName, matchType, ...match, settings: used ?? [] } as WebhookRule;
  rules.push(rule);
  return accepted(account, rule, null);
}

function change(account: Account, rules: WebhookRule[], id: string, given: Body): Response {
  const rule = rules.find((candidate) => candidate.id === id);
  if (!rule) return problem(404, 20404, "Not found");
  const { settings } = configurationOf(account);
  // Whether a pattern may be changed is not documented; "delete the existing Rule first, then create the new one" is.
  const pattern = ["matchType", "prefix", "value"].find((field) => given[field] !== undefined);
  const fault =
    faultOfFields("Rules", given) ??
    pattern ??
    (given.settings === undefined ? undefined : faultOfReferences(given.settings, settings));
  if (fault) return invalid(fault);
  if (isGuarded(rule.matchType, given.settings, settings)) return guardrail();
  const before = structuredClone(rule);
  delete before.pending;
  if (given.settings) rule.settings = given.settings as SettingReference[];
  if (typeof given.friendlyName === "string") rule.friendlyName = given.friendlyName;
  return accepted(account, rule, before);
}

function remove(account: Account, rules: WebhookRule[], kind: string, id: string): Response {
  const { sharedKeys, settings, leaving } = configurationOf(account);
  const isUsed: Record<string, boolean> = {
    SharedKeys: settings.some(({ signature }) => signature?.sharedKeyId === id),
    Settings: rules.some((rule) => rule.settings?.some(({ settingId }) => settingId === id)),
  };
  const from: { id: string }[] = { SharedKeys: sharedKeys, Settings: settings, Rules: rules }[kind] ?? [];
  const index = from.findIndex((one) => one.id === id);
  if (index < 0) return problem(404, 20404, "Not found");
  if (isUsed[kind]) return problem(409, 59100, "Resource Is Still In Use");
  const [gone] = from.splice(index, 1);
  if (kind !== "Rules") return new Response(null, { status: 204 });
  const rule = gone as WebhookRule;
  const before = structuredClone(rule);
  delete before.pending;
  leaving.push(rule);
  return accepted(account, rule, before, true);
}

/** A write of a rule: saved, and in force after a while. */
function accepted(account: Account, rule: WebhookRule, before: WebhookRule | null, isGone = false): Response {
  const configuration = configurationOf(account);
  const until = Date.now() + configuration.propagationMs;
  if (configuration.propagationMs > 0) rule.pending = { before, until };
  const createdAt = new Date().toISOString();
  const operation = { id: newId("operation"), resourceId: rule.id, createdAt, completesAt: until };
  configuration.operations.push(operation);
  const location = `https://webhooks.twilio.com${BASE}/Operations/${operation.id}`;
  const headers = { "operation-id": operation.id, location, "retry-after": "5" };
  const body = { operation: shownOperation(account, operation), ...(!isGone && { rule: shownRule(rule) }) };
  return Response.json(body, { status: 202, headers });
}

function shownOperation(account: Account, { completesAt, ...operation }: OperationResource) {
  const isOver = Date.now() >= completesAt;
  const status = isOver ? (configurationOf(account).fate ?? "COMPLETED") : "RUNNING";
  const error = { type: "about:blank", title: "Failed", code: 59000, detail: "It did not propagate" };
  const statusUrl = `https://webhooks.twilio.com${BASE}/Operations/${operation.id}`;
  return { ...operation, statusUrl, status, retentionPeriod: "P7D", ...(status === "FAILED" && { error }) };
}

function shownRule({ sharedKey: _, pending: __, ...rule }: WebhookRule) {
  return { friendlyName: "", settings: [], ...rule };
}

/** https://www.twilio.com/docs/api/errors/59000 */
function faultOfFields(kind: string, given: Body): string | undefined {
  const unknown = Object.keys(given).find((field) => !FIELDS[kind]?.includes(field));
  return unknown ?? (String(given.friendlyName ?? "").length > 255 ? "friendlyName" : undefined);
}

/** https://www.twilio.com/docs/usage/webhooks/webhook-settings */
function faultOfSetting(given: Body, keys: SharedKeyResource[], schemeNone: string): string | undefined {
  const { auth, signature, connection } = given as Partial<SettingResource>;
  if (auth?.source !== "INLINE" && auth?.source !== "REFERENCE") return "auth.source";
  const schemes = ["OAUTH2", "BASIC", "DIGEST", ...(schemeNone === "taken" ? ["NONE"] : [])];
  if (auth.source === "INLINE" && !schemes.includes(auth.value?.scheme ?? "")) return "auth.value.scheme";
  if (signature && !keys.some(({ id }) => id === signature.sharedKeyId)) return "signature.sharedKeyId";
  if (signature && !ALGORITHMS.includes(signature.algorithm)) return "signature.algorithm";
  if (!connection) return undefined;
  const { connectTimeoutMs, readTimeoutMs, totalTimeoutMs = 100, retryPolicy } = connection;
  const isIn = (value: unknown, most: number) => typeof value === "number" && value >= 100 && value <= most;
  if (!isIn(connectTimeoutMs, 15_000) || !isIn(readTimeoutMs, 15_000)) return "connection";
  if (!isIn(totalTimeoutMs, 60_000)) return "connection.totalTimeoutMs";
  return retryPolicy && !retryPolicy.retryOn.every((on) => RETRY_ON.includes(on)) ? "retryOn" : undefined;
}

/** https://www.twilio.com/docs/usage/webhooks/webhook-rules */
function faultOfRule(
  { matchType, prefix, value, settings }: Body,
  known: SettingResource[],
): string | undefined {
  const special = /[*?#]/;
  if (matchType === "PREFIX_MATCH" && (typeof prefix !== "string" || !prefix.endsWith("/"))) return "prefix";
  if (matchType === "EXACT_MATCH" && (typeof value !== "string" || value.endsWith("/"))) return "value";
  if (!["PREFIX_MATCH", "EXACT_MATCH", "DEFAULT"].includes(String(matchType))) return "matchType";
  if (special.test(String(prefix ?? value ?? ""))) return "special characters";
  return faultOfReferences(settings, known);
}

function faultOfReferences(settings: unknown, known: SettingResource[]): string | undefined {
  const references = Array.isArray(settings) ? (settings as SettingReference[]) : [];
  // One, or two that share the traffic.
  if (references.length < 1 || references.length > 2) return "settings";
  if (!references.every(({ settingId }) => known.some(({ id }) => id === settingId))) return "settingId";
  return references.reduce((sum, { percentage }) => sum + percentage, 0) === 100 ? undefined : "percentage";
}

/** https://www.twilio.com/docs/api/errors/59202: a default Rule would send a password everywhere. Its status is not documented. */
const guardrail = () => problem(400, 59202, "Security Guardrail Violation");

function isGuarded(matchType: unknown, settings: unknown, known: SettingResource[]): boolean {
  if (matchType !== "DEFAULT" || !Array.isArray(settings)) return false;
  return (settings as SettingReference[]).some(
    ({ settingId }) => known.find(({ id }) => id === settingId)?.auth.value?.scheme === "BASIC",
  );
}

/** https://www.twilio.com/docs/usage/webhooks/webhook-configuration: a test webhook by the Setting, at once. */
async function test(
  account: Account,
  { url, settingId, method }: Body,
  send: (request: Request) => Promise<Response>,
) {
  const { settings } = configurationOf(account);
  const setting = settings.find(({ id }) => id === settingId);
  if (!setting || typeof url !== "string") return invalid("settingId");
  const form = new URLSearchParams({ AccountSid: account.sid });
  const isGet = method === "GET";
  const headers = await signed(account, keyOf(account, setting), url, isGet ? undefined : form);
  const request = new Request(url, {
    method: isGet ? "GET" : "POST",
    headers,
    ...(!isGet && { body: form }),
  });
  const response = await send(request).catch(() => undefined);
  const outcome = response ? "DELIVERED" : "FAILED";
  const result = { outcome, response: { statusCode: response?.status }, timing: { totalMs: 1 } };
  return Response.json({ url, createdAt: new Date().toISOString(), result });
}

function resource(kind: string, friendlyName: unknown): Resource {
  const now = new Date().toISOString();
  return { id: newId(kind), friendlyName: String(friendlyName ?? ""), createdAt: now, updatedAt: now };
}

const newId = (kind: string) => `webhooks_${kind}_${crypto.randomUUID().replaceAll("-", "").slice(0, 26)}`;

const invalid = (detail: string) => problem(400, 59000, "Validation Error", detail);

/** RFC 9457, as Twilio's newer APIs answer. */
function problem(status: number, code: number, title: string, detail = title): Response {
  const body = { type: `https://www.twilio.com/docs/api/errors/${code}`, title, status, code, detail };
  return Response.json(body, { status, headers: { "content-type": "application/problem+json" } });
}
