import { type Part, runIdempotent } from "../database.ts";
import { errorFields } from "../http/log.ts";
import { newId } from "../ids.ts";
import type { Services } from "../services.ts";
import { HOUR_MS, nextAttempt, WEEK_MS } from "../time.ts";
import { TwilioError } from "../twilio/errors.ts";
import { meaningOf } from "../twilio/meanings.ts";
import { accountAddress } from "../twilio/webhook-urls.ts";
import { type WebhookResource, type WebhooksApi, webhooksApi } from "../twilio/webhooks-api.ts";
import { type AccountInCheck, beginCheck, endCheck } from "./check-store.ts";
import { accountClient } from "./client.ts";
import { credentialSlot, openSigningKeys, type SigningKey } from "./credential.ts";
import { type AccountReason, parseAccountReasons } from "./health.ts";
import { learn } from "./learn.ts";
import type { AccountKey } from "./row.ts";
import { endSigning, type Made, parseMade, type Refusal, storeMade } from "./signing-store.ts";
import type { OwnAccount } from "./store.ts";

// A SharedKey, its Setting and its Rule at Twilio, made and taken back by this service. Each run looks at what is there and
// does the next that is missing, so that one that was killed anywhere is continued by the next.

/** A rule is in force 30 to 60 seconds after it was changed, and Twilio says when. */
const IN_FORCE_MS = 60_000;
const RETRY_MS = 30_000;
const LEASE_MS = 2 * 60_000;
const KINDS = ["Rules", "Settings", "SharedKeys"] as const;
const LIMIT_REACHED = 59200; // https://www.twilio.com/docs/api/errors/59200

type Work = {
  account: AccountKey;
  row: AccountInCheck;
  holder: string;
  keys: SigningKey[];
  made: Made;
  isWanted: boolean;
  name: string;
};

/** Whether a SharedKey is to be made for this account, or something that was made is to be looked at. */
export const isToSettle = ({ made_at_twilio }: OwnAccount): boolean => made_at_twilio !== null;

/**
 * Makes what is to be made, or takes it back, as far as that is possible at once.
 *
 * @returns what stays at Twilio because it could not be taken back
 * @throws StorageError
 */
export async function settleSigning(account: AccountKey, services: Services): Promise<Made | null> {
  const { db, now } = services;
  const time = now();
  const holder = newId("check");
  const leaseEnd = new Date(time.getTime() + LEASE_MS).toISOString();
  const row = await beginCheck(db, account, holder, leaseEnd, time.toISOString());
  if (!row) return goOn(account, services);
  try {
    return await continueSigning(account, row, holder, services);
  } finally {
    await runIdempotent(endCheck(db, account, holder)).catch(() => undefined);
  }
}

/** Recovery continues it in a minute; if this message is lost, after the cron's next run. */
async function goOn(account: AccountKey, { queues }: Services): Promise<null> {
  const message = { kind: "recover", ...account } as const;
  await queues.reconciliation.send(message, { delaySeconds: IN_FORCE_MS / 1000 }).catch(() => undefined);
  return null;
}

/** The same for whoever holds the account's lease. */
export async function continueSigning(
  account: AccountKey,
  row: AccountInCheck,
  holder: string,
  services: Services,
): Promise<Made | null> {
  const { db, now, log } = services;
  const made = parseMade(row.made_at_twilio);
  const keys = await openSigningKeys(account, row, services);
  // The owner may have a SharedKey of his own by now, or have gone back to the Auth Token.
  const isWanted = row.is_used === 1 && row.api_key_sid !== null && (!keys[0] || keys[0].id === made.key);
  // Nobody else knows the account's id: what has this name is ours.
  const work: Work = { account, row, holder, keys, made, isWanted, name: `${account.id} by Nixflex Numbers` };
  const facts = { account_sid: account.accountSid, twilio_account_id: account.id };
  let api: WebhooksApi | undefined;
  try {
    const { endpoint, credentials } = await accountClient(account, row, services);
    api = webhooksApi(endpoint, credentials);
    if (await (isWanted ? make(api, work, services) : takeBack(api, work))) return await end(work, services);
    Object.assign(made, { failures: 0, since: undefined, refused: undefined });
    await storeMade(db, account, holder, made, new Date(now().getTime() + IN_FORCE_MS));
  } catch (error) {
    if (!(error instanceof TwilioError)) throw error;
    // The owner can make it himself, so that is tried for an hour. What is left behind he would not know of.
    made.since ??= now().toISOString();
    const refused = refusalOf(error);
    if (refused || now().getTime() - Date.parse(made.since) > (isWanted ? HOUR_MS : WEEK_MS)) {
      if (isWanted) log.warn("signing_not_made", { ...facts, ...errorFields(error) });
      else log.warn("signing_not_removed", { ...facts, ...errorFields(error) });
      return giveUp(work, refused ?? { reason: "unavailable" }, api, services);
    }
    log.warn("signing_postponed", { ...facts, ...errorFields(error) });
    made.failures = (made.failures ?? 0) + 1;
    await storeMade(db, account, holder, made, nextAttempt(made.failures, RETRY_MS, now()));
  }
  return goOn(account, services);
}

/** A refusal that stays. A conflict with another change passes, but fifty of a kind stay fifty. */
function refusalOf({ facts }: TwilioError): Refusal | undefined {
  const { failure, status, twilioCode, permission } = facts;
  if (failure !== "rejected" || (status === 409 && twilioCode !== LIMIT_REACHED)) return undefined;
  const reason = status === undefined ? "us1_only" : (meaningOf(twilioCode)?.reason ?? "refused_by_twilio");
  return { reason, twilio_code: twilioCode, permission };
}

/** Makes the next that is missing. @returns whether nothing is, and it is in force */
async function make(api: WebhooksApi, work: Work, services: Services): Promise<boolean> {
  const { account, made, name } = work;
  const [rules, settings, sharedKeys] = await Promise.all(KINDS.map(api.list));
  const prefix = accountAddress(services.publicBaseUrl, account.id);
  const rule = rules?.find((one) => one.prefix === prefix);
  if (rule && !isOurs(work)(rule))
    throw new TwilioError("another Rule has this prefix", {
      failure: "rejected",
      status: 422,
      twilioCode: 59103,
    });
  // Twilio tells the secret once: a key whose secret was not stored is of no use.
  const isThere = sharedKeys?.some(({ id }) => id === made.key) && work.keys[0] !== undefined;
  if (!isThere) await makeKey(api, work, services);
  const key = made.key ?? "";
  const known = settings?.find((one) => isOurs(work)(one) && one.signature?.sharedKeyId === key);
  const setting = known ?? (await api.createSetting(name, key));
  made.setting = setting.id;
  const [used, ...more] = rule?.settings ?? [];
  if (!rule || used?.settingId !== setting.id || more.length > 0) {
    if (rule) await api.pointRule(rule.id, setting.id);
    made.rule = rule?.id ?? (await api.createRule(name, prefix, setting.id)).id;
    return false;
  }
  made.rule = rule.id;
  const status = (await api.operationOf(rule.id))?.status ?? "COMPLETED";
  // It did not come into force, and another try begins anew.
  if (status === "FAILED" || status === "CANCELLED") await api.remove("Rules", rule.id);
  // A Setting takes as long as a Rule, and no operation tells of it.
  const isYoung = services.now().getTime() - Date.parse(setting.createdAt ?? "") < IN_FORCE_MS;
  if (status !== "COMPLETED" || isYoung) return false;
  // What is left of tries whose answer was lost.
  const others = (all: WebhookResource[] = []) =>
    all.filter((one) => isOurs(work)(one) && one.id !== setting.id && one.id !== key);
  for (const { id } of others(settings)) await api.remove("Settings", id);
  for (const { id } of others(sharedKeys)) await api.remove("SharedKeys", id);
  return true;
}

/** Makes a SharedKey, and stores it before a Rule has anything signed with it. */
async function makeKey(api: WebhooksApi, { account, holder, made, name }: Work, services: Services) {
  const { db, vault, log, now, routesChanged } = services;
  const { id, secret: key } = await api.createSharedKey(name);
  log.conceal(key);
  made.key = id;
  const sealed = await vault.seal(JSON.stringify([{ id, key }]), credentialSlot(account));
  if (!(await storeMade(db, account, holder, made, now(), { sealed })))
    throw new TwilioError("the account has changed meanwhile", { failure: "unavailable" });
  routesChanged(account.apiKeyId);
}

const isOurs =
  ({ name, made }: Work) =>
  ({ id, friendlyName }: WebhookResource): boolean =>
    friendlyName === name || [made.rule, made.setting, made.key].includes(id);

/**
 * Removes ours: the Rule, and what it used once Twilio no longer applies it. What its owner has pointed elsewhere since, or
 * uses himself, stays.
 *
 * @returns whether nothing else is left
 */
async function takeBack(api: WebhooksApi, work: Work): Promise<boolean> {
  const [rules = [], settings = [], keys = []] = await Promise.all(KINDS.map(api.list));
  const { made, account } = work;
  const isMine = isOurs(work);
  const uses = (all: WebhookResource[]) =>
    all.flatMap((one) => [one.signature?.sharedKeyId, ...(one.settings ?? []).map((used) => used.settingId)]);
  const theirs = [...settings, ...keys].filter((one) => !isMine(one)).map(({ id }) => id);
  const isAsMade = (one: WebhookResource) => isMine(one) && !theirs.some((id) => uses([one]).includes(id));
  const rule = rules.find((one) => isAsMade(one) && one.prefix?.includes(account.id));
  if (rule) {
    await api.remove("Rules", rule.id);
    made.rule = rule.id;
    return false;
  }
  const status = made.rule && (await api.operationOf(made.rule))?.status;
  if (status === "PENDING" || status === "RUNNING") return false;
  const unused = settings.filter((one) => isAsMade(one) && !uses(rules).includes(one.id));
  for (const { id } of unused) await api.remove("Settings", id);
  const kept = uses(settings.filter((one) => !unused.includes(one)));
  for (const one of keys) if (isMine(one) && !kept.includes(one.id)) await api.remove("SharedKeys", one.id);
  return true;
}

async function end({ account, row, holder, made, isWanted }: Work, services: Services): Promise<null> {
  const { db, log } = services;
  log.info(isWanted ? "signing_made" : "signing_removed", { account_sid: account.accountSid });
  const { key, setting, rule } = made;
  const statement = (state: Part, reasons: readonly AccountReason[]) =>
    endSigning(db, state, reasons, { key, setting, rule });
  if (isWanted) await learn(account, row, "signing_key_proven", services, { checkId: holder, statement });
  else await storeMade(db, account, holder, null, null);
  return null;
}

/** @returns what is left at Twilio of what nobody needs */
async function giveUp(
  work: Work,
  refused: Refusal,
  api: WebhooksApi | undefined,
  { db }: Services,
): Promise<Made | null> {
  const { account, row, holder, made, isWanted } = work;
  if (!isWanted) {
    await storeMade(db, account, holder, null, null);
    return made.key === undefined ? null : made;
  }
  // What signs already goes on.
  const isInForce = !parseAccountReasons(row.health_reasons).includes("signatures_unproven");
  const isGone = !isInForce && (api === undefined || (await takeBack(api, work).catch(() => false)));
  const left = { ...(isGone ? {} : made), refused };
  await storeMade(db, account, holder, left, null, isInForce ? undefined : { sealed: null });
  return null;
}
