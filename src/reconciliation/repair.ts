import { batch, run } from "../database.ts";
import { type EventType, sealEvent } from "../events/event.ts";
import { insertPending } from "../events/pending-store.ts";
import { relay } from "../events/tell.ts";
import { errorFields } from "../http/log.ts";
import { newId } from "../ids.ts";
import { notApplied, withoutSms } from "../phone-numbers/configuration.ts";
import { type HealthReason, healthOf, parseReasons } from "../phone-numbers/health.ts";
import { leaseEnd } from "../phone-numbers/lease.ts";
import type { Services } from "../services.ts";
import { cannotText, isAboutCredentials, isNotFound, TwilioError } from "../twilio/errors.ts";
import type {
  IncomingPhoneNumber,
  IncomingPhoneNumbers,
  NumberUpdate,
} from "../twilio/incoming-phone-numbers.ts";
import { type Finding, planNumber, repairsInARow } from "./compare.ts";
import { acquireLease, endLease, type NumberHealth, putHealth } from "./number-store.ts";
import type { CheckedRow } from "./row.ts";

/** What came of one number: nothing new, or something was written, or somebody else is at work on it. */
export type Applied = "as before" | "written" | "busy";

/**
 * Does what is to be done about one number, and writes down how it is found; a change of that is an event.
 *
 * @param number as Twilio has it; undefined where the account does not have it
 * @throws TwilioError where the credentials are what is refused, which is true of the whole account
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

  const claimId = newId("claim");
  const time = now();
  const lease = { apiKeyId, id: row.id, claimId, leaseExpiresAt: leaseEnd(services, time) };
  const leased = await acquireLease(db, lease, time.toISOString());
  if (!leased) return "busy";
  try {
    // What it was read as may be minutes old; its owner may want no repair by now.
    const current = plan(leased);
    if (current.action !== "repair") return await report(current, apiKeyId, services);
    return await repairAndReport(current, apiKeyId, twilio, services);
  } finally {
    // If even this fails the lease expires by itself.
    await run(endLease(db, row.id, claimId)).catch((error: unknown) =>
      services.log.warn("lease_not_ended", { phone_number_id: row.id, ...errorFields(error) }),
    );
  }
}

async function report(finding: Finding, apiKeyId: string, services: Services): Promise<Applied> {
  const { row, reasons } = finding;
  if (isAsBefore(finding)) return "as before";
  const missing = reasons.includes("number_missing");
  const event = reasons.length === 0 ? undefined : missing ? "number.missing" : "number.drifted";
  await write({ id: row.id, health: healthOf(reasons), reasons }, finding, apiKeyId, event, services);
  return "written";
}

async function repairAndReport(
  finding: Finding,
  apiKeyId: string,
  twilio: IncomingPhoneNumbers,
  services: Services,
): Promise<Applied> {
  const { row, reasons } = finding;
  const { outcome, smsRefused } = await repair(finding, twilio, services);
  const refused = smsRefused && ({ smsRefused } as const);
  if (outcome === "failed") {
    if (isAsBefore(finding) && !smsRefused) return "as before";
    const health = { id: row.id, health: healthOf(reasons), reasons, ...refused };
    await write(health, finding, apiKeyId, isAsBefore(finding) ? undefined : "number.drifted", services);
    return "written";
  }
  const time = services.now();
  const isRepaired = outcome === "repaired";
  const made = isRepaired && { repair: { at: time.toISOString(), inARow: repairsInARow(row, time) } };
  const health: NumberHealth = { id: row.id, health: "ok", reasons: [], ...refused, ...made };
  await write(health, finding, apiKeyId, isRepaired ? "number.repaired" : undefined, services);
  return "written";
}

function isAsBefore({ row, reasons }: Finding): boolean {
  return row.health === healthOf(reasons) && sameReasons(parseReasons(row.health_reasons), reasons);
}

function sameReasons(a: readonly HealthReason[], b: readonly HealthReason[]): boolean {
  return a.length === b.length && a.every((reason) => b.includes(reason));
}

type Repair = {
  /** `in_order`: all that differed was an SMS side that the number does not have. */
  outcome: "repaired" | "failed" | "in_order";
  smsRefused: boolean;
};

/**
 * Writes only what differs, and believes Twilio's answer and not its status.
 *
 * @throws TwilioError where the credentials are what is refused
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
      if (!cannotText(error)) throw error;
      smsRefused = true;
      const rest = withoutSms(update);
      return { outcome: Object.keys(rest).length === 0 ? "in_order" : await send(rest), smsRefused };
    }
  } catch (error) {
    log.warn("number_not_repaired", { phone_number_id: row.id, ...errorFields(error) });
    if (!(error instanceof TwilioError) || isAboutCredentials(error)) throw error;
    return { outcome: "failed", smsRefused };
  }
}

/** The number itself, and not the list it should stand in; undefined where the account does not have it. @throws TwilioError */
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

async function write(
  health: NumberHealth,
  { row, reasons }: Finding,
  apiKeyId: string,
  type: EventType | undefined,
  services: Services,
): Promise<void> {
  const { db, now, log } = services;
  const { phone_number, twilio_number_sid, agent_id: agentId } = row;
  const statements = [putHealth(db, health, now().toISOString())];
  const data = { phone_number, twilio_number_sid, reasons };
  const draft =
    type && agentId !== null ? { type, apiKeyId, agentId, phoneNumberId: row.id, data } : undefined;
  const event = draft && (await sealEvent(draft, services.vault, now()));
  if (event) statements.push(insertPending(db, event));
  const results = await batch(db, statements);
  log.info("number_checked", { phone_number, health: health.health, reasons: reasons.join(" ") });
  if (event && results[1]?.meta.changes === 1) services.defer(relay([event], services));
}
