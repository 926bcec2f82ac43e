import { createMiddleware } from "hono/factory";
import { newId } from "../ids.ts";
import { dayOf } from "../time.ts";
import type { Slot, Vault } from "../vault/vault.ts";
import { type BaseServices, baseServices } from "./base-services.ts";
import type { AppContext, AppEnv } from "./context.ts";
import { ApiError } from "./errors.ts";
import {
  acquireKey,
  forgetKey,
  type IdempotencyRow,
  type KeyLease,
  putResponse,
  takeOverKey,
} from "./idempotency-store.ts";
import { errorFields } from "./log.ts";
import { readBody } from "./read-body.ts";

export const IDEMPOTENCY_HEADER = "Idempotency-Key";
export const IDEMPOTENCY_KEY = /^[\x20-\x7e]{1,255}$/;

/**
 * The `Idempotency-Key` of a request. Secrets of one API key that see different things do not share answers; those that see
 * the same do, so that a request that is sent again with another secret still runs once.
 */
export function idempotencyKeyOf(c: AppContext): string | undefined {
  const key = c.req.header(IDEMPOTENCY_HEADER);
  const { external_id: externalId } = c.get("secret");
  // No key has a line break.
  return key === undefined || externalId === null ? key : `${key}\n${externalId}`;
}

const METHODS: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH", "DELETE"]);
const KEPT_MS = 24 * 60 * 60 * 1000;
// Longer than any request runs: an import makes a few calls to Twilio. If a request dies, the next request with its key
// can acquire the lease after this time.
const MIN_LEASE_MS = 120_000;
const CALLS_PER_REQUEST = 12;
const RETRY_AFTER_SECONDS = 2;
// Of a database that all keys share; see `putResponse` for a day's answers.
const MAX_ANSWER_BYTES = 128 * 1024;
/** `false`: the answer is not kept, so the same request with the same key would run again. */
const KEPT_HEADER = "idempotent-kept";
// All other headers belong to one response only, such as its time and its request id.
const KEPT_HEADERS = ["content-type", "www-authenticate"];

export const responseSlot = ({ apiKeyId, key }: Pick<KeyLease, "apiKeyId" | "key">): Slot =>
  `idempotency_keys.response/${apiKeyId}/${key}`;

/**
 * Runs only the first of several requests with the same `Idempotency-Key`, and answers the others with its response,
 * byte for byte. Must run after `authenticate`: each key belongs to an API key. D1 stores a keyed fingerprint of the
 * request, and the sealed response.
 *
 * @throws ApiError `invalid_idempotency_key`, `idempotency_key_reused`, `idempotency_in_progress`
 */
export const idempotent = createMiddleware<AppEnv>(async (c, next) => {
  const key = idempotencyKeyOf(c);
  if (key === undefined || !METHODS.has(c.req.method)) return next();
  if (!IDEMPOTENCY_KEY.test(c.req.header(IDEMPOTENCY_HEADER) ?? ""))
    throw new ApiError("invalid_idempotency_key");
  const services = baseServices(c.env, c.get("config"), c.get("log"));
  const { db, vault } = services;
  const request = await describe(c);
  const now = services.now();
  const lease: KeyLease = {
    apiKeyId: c.get("apiKeyId"),
    key,
    fingerprint: await vault.fingerprint(request),
    holder: newId("holder"),
    leaseExpiresAt: new Date(
      now.getTime() + Math.max(MIN_LEASE_MS, CALLS_PER_REQUEST * c.get("config").twilioTimeoutMs),
    ).toISOString(),
    expiresAt: new Date(now.getTime() + KEPT_MS).toISOString(),
  };
  const time = now.toISOString();
  const row = await acquireKey(db, lease, time);
  if (row && row.lease_holder !== lease.holder) {
    const isSame = await vault.hasFingerprint(request, row.fingerprint);
    if (!isSame) throw new ApiError("idempotency_key_reused");
    const isDead = row.lease_expires_at !== null && row.lease_expires_at <= time;
    if (!isDead || !(await takeOverKey(db, lease, row.lease_holder, time)))
      return answerAgain(row, lease, vault);
  }

  // A caller who hangs up gets the answer on the next try, so the work goes on even if this connection is closed.
  const work = next().then(() => storeResponse(c.res, lease, services));
  c.executionCtx.waitUntil(work.catch(() => undefined));
  await work;
  return;
});

// Not fatal: two bodies with invalid bytes may count as the same request, but both are refused later anyway.
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true, fatal: false });

/** Method, address and body: two requests are the same if these are. Reads the body and puts it back. */
async function describe(c: AppContext): Promise<string> {
  const body = await readBody(c.req.raw, c.get("bodyLimit"));
  c.req.raw = new Request(c.req.raw, { body: body.length > 0 ? body : null });
  const { pathname, search } = new URL(c.req.url);
  return `${c.req.method} ${pathname}${search}\n${utf8.decode(body)}`;
}

async function answerAgain(row: IdempotencyRow, lease: KeyLease, vault: Vault): Promise<Response> {
  if (row.status === null || row.response_sealed === null)
    throw new ApiError("idempotency_in_progress", { retryAfter: RETRY_AFTER_SECONDS });
  const headers = new Headers(JSON.parse(row.headers ?? "[]") as [string, string][]);
  headers.set("idempotent-replayed", "true");
  return new Response(await vault.open(row.response_sealed, responseSlot(lease)), {
    status: row.status,
    headers,
  });
}

/**
 * Stores the response, or deletes the key if the same request may have another result later. If that fails, the caller
 * still gets the response, and the key is free again when its lease expires.
 */
async function storeResponse(
  response: Response,
  lease: KeyLease,
  { db, vault, log, now, defaultLimits }: BaseServices,
): Promise<void> {
  const { status, headers } = response;
  try {
    if (status === 429 || status >= 500 || headers.has("retry-after")) return await forgetKey(db, lease);
    const sealed = await vault.seal(await response.clone().text(), responseSlot(lease));
    const answer = { status, headers: headersToKeep(headers), sealed };
    const today = dayOf(now().getTime());
    const isKept =
      sealed.length <= MAX_ANSWER_BYTES &&
      (await putResponse(db, lease, answer, today, defaultLimits.max_agents));
    if (isKept) return;
    headers.set(KEPT_HEADER, "false");
    await forgetKey(db, lease);
  } catch (error) {
    log.warn("response_not_kept", errorFields(error));
  }
}

function headersToKeep(headers: Headers): string {
  return JSON.stringify(
    KEPT_HEADERS.flatMap((name) => (headers.has(name) ? [[name, headers.get(name)]] : [])),
  );
}
