import { batch } from "../database.ts";
import { sealEvent } from "../events/event.ts";
import { announce } from "../events/outbox.ts";
import { insertEvent } from "../events/store.ts";
import { errorFields } from "../http/log.ts";
import { newId } from "../ids.ts";
import { openTokens } from "../phone-numbers/auth-token.ts";
import { type ImportServices, leaseEnd } from "../phone-numbers/claim.ts";
import { TwilioError } from "../twilio/errors.ts";
import {
  type IncomingPhoneNumber,
  type IncomingPhoneNumbers,
  incomingPhoneNumbers,
} from "../twilio/incoming-phone-numbers.ts";
import { findAccountRows } from "./number-store.ts";
import { type CheckedRow, type Health, idInOrder, nextCheck, planReconciliation } from "./plan.ts";
import { isAboutCredentials, settleFinding } from "./settle.ts";
import {
  type AccountKey,
  type ClaimedAccount,
  claimAccount,
  findAgentsToTell,
  finishCheck,
  keepAccount,
} from "./store.ts";

const ROWS_AT_ONCE = 1_000;
// What is left is taken up by the next run: D1 takes a thousand queries of one invocation, and mending a number is four.
// https://developers.cloudflare.com/d1/platform/limits/
const MAX_REPAIRS_PER_RUN = 200;

/**
 * Compares a Twilio account's numbers with what is here, and mends what differs: one request for each thousand numbers,
 * and one for each that is not in order. A check that dies is done anew by the next; done twice it changes nothing more.
 *
 * @throws StorageError
 */
export async function checkAccount(key: AccountKey, services: ImportServices): Promise<void> {
  const { db, now, log } = services;
  const claimId = newId("check");
  const time = now();
  const account = await claimAccount(db, key, claimId, leaseEnd(services, time), time.toISOString());
  // Gone, or another check of it is at work.
  if (!account) return;
  let health: Health = "ok";
  let isComplete = false;
  try {
    isComplete = await compare(key, claimId, account, services);
  } catch (error) {
    if (!(error instanceof TwilioError)) throw error;
    health = isAboutCredentials(error) ? "credentials_rejected" : "unreachable";
    log.warn("account_not_checked", { account_sid: key.accountSid, health, ...errorFields(error) });
  }
  await finish(key, claimId, account, { health, isComplete }, services);
}

/** @returns false where there is more to do than one run does */
async function compare(
  key: AccountKey,
  claimId: string,
  stored: ClaimedAccount,
  services: ImportServices,
): Promise<boolean> {
  const { db, vault, log, now, publicBaseUrl } = services;
  const startedAt = now().toISOString();
  const [authToken = ""] = await openTokens(vault, key, stored, now(), log);
  const twilio = incomingPhoneNumbers(services.twilio, { accountSid: key.accountSid, authToken });
  const listed = await list(twilio, publicBaseUrl, () => keep(key, claimId, services));

  let repairs = 0;
  let after = "";
  for (;;) {
    const rows = await findAccountRows(db, key, after, ROWS_AT_ONCE);
    const last = rows.at(-1);
    if (!last) return true;
    after = last.twilio_number_sid;
    for (const row of rows) {
      // One that is new since the list was begun may stand in it as it was before.
      if (isInOrder(row, listed) || row.updated_at >= startedAt) continue;
      if (repairs >= MAX_REPAIRS_PER_RUN || !(await keep(key, claimId, services))) return false;
      const number = listed.others.get(row.twilio_number_sid) ?? (await ask(row, listed, twilio));
      const found = new Map(number ? [[row.twilio_number_sid, number]] : []);
      const [finding] = planReconciliation([row], found, publicBaseUrl, now());
      if (!finding) continue;
      if (finding.action === "repair") repairs += 1;
      await settleFinding(finding, key.apiKeyId, twilio, services);
    }
    if (rows.length < ROWS_AT_ONCE) return true;
  }
}

type Listed = {
  /** The ids in the webhooks of numbers that are in order, by SID: a few bytes each. */
  inOrder: Map<string, string>;
  /** Every other number of the account. */
  others: Map<string, IncomingPhoneNumber>;
  /** Numbers of which only the SID could be read; nothing is said of them. */
  strange: Set<string>;
};

async function list(
  twilio: IncomingPhoneNumbers,
  publicBaseUrl: string,
  keepOn: () => Promise<boolean>,
): Promise<Listed> {
  const listed: Listed = { inOrder: new Map(), others: new Map(), strange: new Set() };
  let pages = 0;
  for await (const { numbers, strange } of twilio.pages()) {
    for (const sid of strange) listed.strange.add(sid);
    for (const number of numbers) {
      const id = idInOrder(number, publicBaseUrl);
      if (id === undefined) listed.others.set(number.sid, number);
      else listed.inOrder.set(number.sid, id);
    }
    pages += 1;
    if (pages > 1) await keepOn();
  }
  return listed;
}

/** Nothing is to be done and nothing to be written: the number is as it should be, and is known to be. */
function isInOrder(row: CheckedRow, { inOrder, strange }: Listed): boolean {
  if (strange.has(row.twilio_number_sid)) return true;
  return inOrder.get(row.twilio_number_sid) === row.id && row.health === "ok" && row.health_reasons === "[]";
}

/**
 * A list may miss a number that moves from one page to another meanwhile, so one that is missing is asked for by itself,
 * once; and so is one that points at another row of ours.
 */
async function ask(
  row: CheckedRow,
  { inOrder }: Listed,
  twilio: IncomingPhoneNumbers,
): Promise<IncomingPhoneNumber | undefined> {
  if (row.health === "number_missing" && !inOrder.has(row.twilio_number_sid)) return undefined;
  try {
    return await twilio.fetch(row.twilio_number_sid);
  } catch (error) {
    if (error instanceof TwilioError && error.facts.status === 404) return undefined;
    throw error;
  }
}

function keep(key: AccountKey, claimId: string, services: ImportServices): Promise<boolean> {
  return keepAccount(services.db, key, claimId, leaseEnd(services, services.now()));
}

/** Ends the check, and where the account is found otherwise than before tells everybody whom it concerns. */
async function finish(
  key: AccountKey,
  claimId: string,
  before: ClaimedAccount,
  { health, isComplete }: { health: Health; isComplete: boolean },
  services: ImportServices,
): Promise<void> {
  const { db, now } = services;
  const time = now();
  const failures = health === "ok" ? 0 : before.check_failures + 1;
  const isUnfinished = health === "ok" && !isComplete;
  const result = {
    health,
    failures,
    nextCheckAt: (isUnfinished ? time : nextCheck(failures, time)).toISOString(),
    checkedAt: isComplete ? time.toISOString() : null,
  };
  const isNews = health === "credentials_rejected" && before.health !== health;
  const events = isNews ? await rejectionEvents(key, "twilio_refused", services) : [];
  await batch(db, [finishCheck(db, key, claimId, result), ...events.map((event) => insertEvent(db, event))]);
  services.measure("account_check", [health], [1, failures]);
  for (const event of events) services.defer(announce(event.id, services));
}

const MAX_AGENTS_TOLD = 50;

/** One event for each agent that answers numbers of the account. */
export async function rejectionEvents(
  key: AccountKey,
  noticedBy: "twilio_refused" | "signatures",
  { db, vault, now }: Pick<ImportServices, "db" | "vault" | "now">,
) {
  const agents = await findAgentsToTell(db, key, MAX_AGENTS_TOLD);
  const data = { twilio_sid: key.accountSid, noticed_by: noticedBy };
  return Promise.all(
    agents.map((agentId) =>
      sealEvent({ type: "credentials.rejected", apiKeyId: key.apiKeyId, agentId, data }, vault, now()),
    ),
  );
}
