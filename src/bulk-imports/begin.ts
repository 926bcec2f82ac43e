import { type AgentOwner, selectOwner } from "../agents/store.ts";
import { first } from "../database.ts";
import { ApiError } from "../http/errors.ts";
import { faultError } from "../http/faults.ts";
import { newId } from "../ids.ts";
import { checkInboundUrl } from "../phone-numbers/change-settings.ts";
import type { Services } from "../services.ts";
import { isE164 } from "../twilio/e164.ts";
import type { TwilioCredentials, TwilioEndpoint } from "../twilio/http.ts";
import { requireRegion, storedRegion } from "../twilio/regions.ts";
import { findEndpoint, refuseToken, requireAccepted } from "../twilio-accounts/connect.ts";
import { knownAccount } from "../twilio-accounts/known.ts";
import { findAccount } from "../twilio-accounts/store.ts";
import { bulkImportsOf } from "./client.ts";
import { forgetImport, noteBegin } from "./index-store.ts";
import type { Job, Status } from "./job.ts";
import { packed, tokenSlot } from "./order.ts";
import { type BulkImportBody, ownOf } from "./schema.ts";
import type { NewNumber } from "./store.ts";

const RETRY_AFTER_SECONDS = 30;

/**
 * Begins a bulk import. What would fail for every number fails here: a field, the agent, the credentials.
 *
 * @throws ApiError
 * @throws StorageError
 */
export async function beginImport(
  body: BulkImportBody,
  isDryRun: boolean,
  apiKeyId: string,
  services: Services,
): Promise<Pick<Job, "id" | "status"> & { total: number | null }> {
  requireNumbers(body);
  checkInboundUrl(body, services);
  const { credentials, region, isKnown, isForAll } = await accountFor(body, apiKeyId, services);
  if (body.include_subaccounts && "keySid" in credentials) throw new ApiError("needs_auth_token");
  const numbers = numbersOf(body, credentials.accountSid);
  if (body.agent_id !== undefined) await requireAgent(body.agent_id, apiKeyId, services);
  const now = services.now();
  const job: Job = {
    id: newId("phoneNumberImport"),
    apiKeyId,
    status: "queued",
    stopReason: null,
    isDryRun,
    isAll: body.all === true,
    withSubaccounts: body.include_subaccounts === true,
    agentId: body.agent_id ?? null,
    own: ownOf(body),
    accountSid: credentials.accountSid,
    region,
    isKnown,
    isForAll,
    actor: services.actor,
    createdAt: now.getTime(),
    startedAt: null,
    endedAt: null,
    isEndNoted: false,
  };
  const sealed = await services.vault.seal(packed(credentials), tokenSlot(job.id, job.accountSid));
  await requireRoom(job, services);
  try {
    await bulkImportsOf(services.objects, apiKeyId).create(job, sealed, numbers);
  } catch (error) {
    await forgetImport(services.db, job.id);
    throw error;
  }
  services.log.info("bulk_import_begun", { import_id: job.id, count: numbers.length, dry_run: isDryRun });
  return { id: job.id, status: job.status, total: job.isAll ? null : numbers.length };
}

/**
 * Begins an ended bulk import anew, with what failed in it. Its credentials are gone, so the Auth Token comes again, if the
 * account is not known.
 *
 * @throws ApiError
 * @throws StorageError
 */
export async function retryImport(
  id: string,
  authToken: string | undefined,
  apiKeyId: string,
  services: Services,
): Promise<Status> {
  const imports = bulkImportsOf(services.objects, apiKeyId);
  const { job } = await imports.status(id);
  if (job.endedAt === null) throw running();
  const { accountSid, region } = job;
  const isForAll = job.isForAll !== false;
  if (authToken !== undefined) refuseToken(await findAccount(services.db, { apiKeyId, accountSid, region }));
  const { endpoint, credentials }: { endpoint: TwilioEndpoint; credentials: TwilioCredentials } =
    authToken === undefined
      ? await knownAccount({ twilio_sid: accountSid }, isForAll, apiKeyId, services)
      : { endpoint: requireRegion(services.twilio, region), credentials: { accountSid, authToken } };
  await requireAccepted(endpoint, credentials, apiKeyId, services);
  await requireRoom(job, services);
  return imports.retry(id, await services.vault.seal(packed(credentials), tokenSlot(id, job.accountSid)));
}

const running = () => new ApiError("phone_number_import_running", { retryAfter: RETRY_AFTER_SECONDS });

async function requireRoom({ id, apiKeyId }: Job, { db, now }: Services): Promise<void> {
  if (await noteBegin(db, id, apiKeyId, now().toISOString())) return;
  throw new ApiError("rate_limit_exceeded", {
    message: "This API key has five bulk imports that are not finished. Wait until one ends, or cancel one.",
    retryAfter: RETRY_AFTER_SECONDS,
  });
}

/** @throws ApiError `missing_field`, `invalid_field` */
function requireNumbers({ items, all, agent_id }: BulkImportBody): void {
  if (all === true && items !== undefined) {
    const hint = "Send items or all: true, not both.";
    throw faultError([
      { field: "all", code: "invalid_field", hint, problem: { problem: "not_allowed", allowed: [false] } },
    ]);
  }
  const missing = [
    ...(items === undefined && all !== true ? ["items"] : []),
    ...(agent_id === undefined && (items ?? [{}]).some((item) => !("agent_id" in item) || !item.agent_id)
      ? ["agent_id"]
      : []),
  ];
  if (missing.length > 0) {
    const hint = "Send items or all: true, and an agent_id for all numbers or for each.";
    throw faultError(missing.map((field) => ({ field, code: "missing_field", hint })));
  }
}

function numbersOf(
  { items, agent_id, include_subaccounts }: BulkImportBody,
  twilio_sid: string,
): NewNumber[] {
  return (items ?? []).map((item) => ({
    phoneNumber: item.phone_number,
    // One that is misspelt is looked for nowhere; its import says what is wrong with it.
    accountSid:
      item.twilio_sid ?? (include_subaccounts === true && isE164(item.phone_number) ? null : twilio_sid),
    agentId: item.agent_id ?? agent_id ?? null,
    own: ownOf(item),
  }));
}

async function requireAgent(agentId: string, apiKeyId: string, { db }: Services): Promise<void> {
  const owner = await first<AgentOwner>(selectOwner(db, agentId));
  if (!owner) throw new ApiError("agent_not_found");
  if (owner.api_key_id !== apiKeyId) throw new ApiError("agent_not_owned");
}

/** The credentials that a request means, once Twilio has accepted them, and their Region as it is stored. @throws ApiError */
async function accountFor(given: BulkImportBody, apiKeyId: string, services: Services) {
  const { twilio_sid: accountSid, twilio_token: authToken } = given;
  if (accountSid !== undefined && authToken !== undefined) {
    const credentials = { accountSid, authToken };
    const endpoint = await findEndpoint(credentials, apiKeyId, services);
    const region = storedRegion(services.twilio, endpoint);
    refuseToken(await findAccount(services.db, { apiKeyId, accountSid, region }));
    return { credentials, region, isKnown: false, isForAll: true };
  }
  // A subaccount is opened by its parent's credentials.
  const isOther = given.items?.some(({ twilio_sid: sid }) => sid !== undefined && sid !== accountSid);
  const isForAll = given.all === true || given.include_subaccounts === true || isOther === true;
  const { credentials, endpoint, account } = await knownAccount(given, isForAll, apiKeyId, services);
  await requireAccepted(endpoint, credentials, apiKeyId, services);
  return { credentials, region: account.region, isKnown: true, isForAll };
}
