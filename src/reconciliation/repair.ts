import { CHECK } from "../actor.ts";
import { batch, runIdempotent } from "../database.ts";
import { type EventType, sealEvent } from "../events/event.ts";
import { insertPending } from "../events/pending-store.ts";
import { relay } from "../events/tell.ts";
import { errorFields } from "../http/log.ts";
import { newId } from "../ids.ts";
import { type Channel, ofChannels, takenChannels } from "../phone-numbers/channels.ts";
import { notApplied } from "../phone-numbers/configuration.ts";
import { type HealthReason, isRegionReason, parseReasons } from "../phone-numbers/health.ts";
import { leaseEnd, quietUntil } from "../phone-numbers/lease.ts";
import { eventNumber } from "../phone-numbers/row.ts";
import type { Services } from "../services.ts";
import { cannotText, isAboutCredentials, isNotFound, mayStillHappen, TwilioError } from "../twilio/errors.ts";
import type {
  IncomingPhoneNumber,
  IncomingPhoneNumbers,
  NumberUpdate,
} from "../twilio/incoming-phone-numbers.ts";
import { checkSoon } from "../twilio-accounts/due-store.ts";
import { type Finding, planNumber, repairsInARow } from "./compare.ts";
import {
  acquireLease,
  type CheckedRow,
  endLease,
  isAsFound,
  type NumberHealth,
  putHealth,
} from "./number-store.ts";

/** The result for one number: nothing new, something was written, or another request holds its lease. */
export type Applied = "unchanged" | "written" | "busy";

/**
 * Repairs or reports one number, and stores its health. If the health changes, the customer gets an event.
 *
 * @param number as Twilio has it; undefined if the account does not have it
 * @throws TwilioError if Twilio refuses the credentials, which concerns the whole account
 * @throws StorageError
 */
export async function applyFinding(
  row: CheckedRow,
  number: IncomingPhoneNumber | undefined,
  apiKeyId: string,
  twilio: IncomingPhoneNumbers,
  services: Services,
): Promise<Applied> {
  const { db, now, publicBaseUrl } = services;
  const plan = (of: CheckedRow) => planNumber(of, number, publicBaseUrl, now());
  const finding = plan(row);
  if (finding.action !== "repair") return report(finding, apiKeyId, services);

  const holder = newId("holder");
  const time = now();
  const lease = { apiKeyId, id: row.id, holder, leaseExpiresAt: leaseEnd(services, time) };
  const leased = await acquireLease(db, lease, time.toISOString());
  if (!leased) return "busy";
  let unknownUntil: string | null = null;
  try {
    // The row may be minutes old. By now its owner may not want a repair.
    const current = plan(leased);
    if (current.action !== "repair") return await report(current, apiKeyId, services);
    const repaired = await repair(current, twilio, services);
    if (repaired.mayStillHappen) unknownUntil = quietUntil(now());
    return await reportRepair(current, repaired, holder, apiKeyId, services);
  } finally {
    // If this fails too, the lease expires by itself.
    await runIdempotent(endLease(db, row.id, holder, unknownUntil)).catch((error: unknown) =>
      services.log.warn("lease_not_ended", { phone_number_id: row.id, ...errorFields(error) }),
    );
  }
}

async function report(finding: Finding, apiKeyId: string, services: Services): Promise<Applied> {
  const { row, reasons, channels } = finding;
  if (isUnchanged(finding)) return "unchanged";
  const missing = reasons.includes("number_missing");
  const isDrifted = reasons.some((reason) => reason !== "region_unchecked");
  const event = missing ? "number.missing" : isDrifted ? "number.drifted" : undefined;
  return (await storeFinding({ reasons }, row, apiKeyId, event, services, { channels })) ? "written" : "busy";
}

async function reportRepair(
  finding: Finding,
  { outcome, smsRefused }: Repair,
  holder: string,
  apiKeyId: string,
  services: Services,
): Promise<Applied> {
  const { row, reasons, channels } = finding;
  if (outcome === "failed") {
    if (isUnchanged(finding) && !smsRefused) return "unchanged";
    const event = isUnchanged(finding) ? undefined : "number.drifted";
    await storeFinding({ reasons, smsRefused }, row, apiKeyId, event, services, { holder, channels });
    return "written";
  }
  const time = services.now();
  const isRepaired = outcome === "repaired";
  const made = isRepaired && { repair: { at: time.toISOString(), inARow: repairsInARow(row, time) } };
  const left = reasons.filter(isRegionReason);
  // The event names what was repaired.
  const event = isRepaired ? "number.repaired" : undefined;
  const health = { reasons: left, smsRefused, ...made };
  await storeFinding(health, row, apiKeyId, event, services, { holder, channels, told: reasons });
  return "written";
}

function isUnchanged({ row, reasons }: Finding): boolean {
  return sameReasons(parseReasons(row.health_reasons), reasons);
}

function sameReasons(a: readonly HealthReason[], b: readonly HealthReason[]): boolean {
  return a.length === b.length && a.every((reason) => b.includes(reason));
}

type Repair = {
  /** `in_order`: only SMS fields differed, and the number cannot text. */
  outcome: "repaired" | "failed" | "in_order";
  smsRefused: boolean;
  /** Twilio may still carry the update out. */
  mayStillHappen?: boolean;
};

/**
 * Writes only what differs. Succeeds if the number in Twilio's answer has the new values: a status of 200 is not
 * enough.
 *
 * @throws TwilioError if Twilio refuses the credentials
 */
async function repair(
  { row, update }: Finding,
  twilio: IncomingPhoneNumbers,
  { log }: Services,
): Promise<Repair> {
  const send = async (parameters: NumberUpdate) => {
    const number = await twilio.update(row.twilio_number_sid, parameters);
    return notApplied(number, parameters).length === 0 ? "repaired" : "failed";
  };
  let smsRefused = false;
  try {
    try {
      return { outcome: await send(update), smsRefused };
    } catch (error) {
      if (!cannotText(error) || !takenChannels(row).includes("voice")) throw error;
      smsRefused = true;
      const rest = ofChannels(update, ["voice"]);
      return { outcome: Object.keys(rest).length === 0 ? "in_order" : await send(rest), smsRefused };
    }
  } catch (error) {
    log.warn("number_not_repaired", { phone_number_id: row.id, ...errorFields(error) });
    if (!(error instanceof TwilioError) || isAboutCredentials(error)) throw error;
    return { outcome: "failed", smsRefused, mayStillHappen: mayStillHappen(error) };
  }
}

/** Fetches one number, without the list; undefined if the account does not have it. @throws TwilioError */
export async function ask(
  { twilio_number_sid }: Pick<CheckedRow, "twilio_number_sid">,
  twilio: IncomingPhoneNumbers,
): Promise<IncomingPhoneNumber | undefined> {
  try {
    return await twilio.fetch(twilio_number_sid);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/**
 * Stores how a number was found, and in the same transaction the event that tells its customer.
 *
 * @param holder of the number's lease, if it was repaired
 * @param channels what it is about
 * @param told the reasons that the event names
 * @returns false if the number was released or changed since it was read: then nothing is stored or told
 * @throws StorageError
 */
export async function storeFinding(
  health: NumberHealth,
  row: CheckedRow,
  apiKeyId: string,
  type: EventType | undefined,
  services: Services,
  {
    holder,
    channels,
    told = health.reasons,
  }: { holder?: string; channels: readonly Channel[]; told?: readonly HealthReason[] },
): Promise<boolean> {
  const { db, now, log } = services;
  const { phone_number, twilio_number_sid, agent_id: agentId } = row;
  const state = isAsFound(row, holder);
  const actor = services.actor ?? CHECK;
  const about = {
    apiKeyId,
    number: eventNumber(row),
    actor,
    data: { twilio_number_sid, reasons: told, channels },
  };
  const draft = type && { type, agentId, ...about };
  const event = draft && (await sealEvent(draft, services.vault, now()));
  const tell = event ? [insertPending(db, event, { number: state })] : [];
  const time = now().toISOString();
  const results = await batch(db, [...tell, checkSoon(db, row.id, time), putHealth(db, state, health, time)]);
  if (results.at(-1)?.meta.changes !== 1) return false;
  log.info("number_checked", {
    key_id: apiKeyId,
    phone_number,
    health: health.reasons[0] ?? "ok",
    reasons: told.join(" "),
  });
  if (event && results[0]?.meta.changes === 1) services.defer(relay(apiKeyId, services));
  return true;
}
