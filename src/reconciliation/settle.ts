import { batch } from "../database.ts";
import { type EventDraft, type EventType, sealEvent } from "../events/event.ts";
import { announce } from "../events/outbox.ts";
import { insertEvent } from "../events/store.ts";
import { errorFields } from "../http/log.ts";
import { cannotText } from "../phone-numbers/cannot-text.ts";
import { type ImportServices, leaseEnd } from "../phone-numbers/claim.ts";
import { notApplied, withoutSms } from "../phone-numbers/configuration.ts";
import { TwilioError } from "../twilio/errors.ts";
import type { IncomingPhoneNumbers, NumberUpdate } from "../twilio/incoming-phone-numbers.ts";
import { type NumberHealth, putHealth, reserveNumber } from "./number-store.ts";
import { type Finding, type HealthReason, healthOf, parseReasons, repairsInARow } from "./plan.ts";

/**
 * Does what was planned for one number, and writes down how it is found; a change of that is an event.
 *
 * @throws TwilioError where the credentials are what is refused, which is true of the whole account
 * @throws StorageError
 */
export async function settleFinding(
  finding: Finding,
  apiKeyId: string,
  twilio: IncomingPhoneNumbers,
  services: ImportServices,
): Promise<NumberHealth | undefined> {
  const { row, reasons, action } = finding;
  if (action !== "repair") {
    if (isAsBefore(finding)) return undefined;
    const missing = reasons.includes("number_missing");
    const event = reasons.length === 0 ? undefined : missing ? "number.missing" : "number.drifted";
    return write({ id: row.id, health: healthOf(reasons), reasons }, finding, apiKeyId, event, services);
  }
  const now = services.now();
  // Without it the number could be released in the middle, and point here again afterwards.
  if (!(await reserveNumber(services.db, row.id, leaseEnd(services, now), now.toISOString())))
    return undefined;
  const outcome = await repair(finding, twilio, services);
  if (outcome === "in order") {
    return write({ id: row.id, health: "ok", reasons: [] }, finding, apiKeyId, undefined, services);
  }
  if (outcome === "failed") {
    const event = isAsBefore(finding) ? undefined : "number.drifted";
    return write({ id: row.id, health: healthOf(reasons), reasons }, finding, apiKeyId, event, services);
  }
  const time = services.now();
  const repaired = { at: time.toISOString(), inARow: repairsInARow(row, time) };
  const health = { id: row.id, health: "ok", reasons: [], repair: repaired } as const;
  return write(health, finding, apiKeyId, "number.repaired", services);
}

function isAsBefore({ row, reasons }: Finding): boolean {
  return row.health === healthOf(reasons) && sameReasons(parseReasons(row.health_reasons), reasons);
}

function sameReasons(a: readonly HealthReason[], b: readonly HealthReason[]): boolean {
  return a.length === b.length && a.every((reason) => b.includes(reason));
}

type RepairOutcome = "repaired" | "failed" | "in order";

/** Writes only what differs, and believes Twilio's answer and not its status. */
async function repair(
  { row, update }: Finding,
  twilio: IncomingPhoneNumbers,
  { log }: ImportServices,
): Promise<RepairOutcome> {
  const send = async (parameters: NumberUpdate): Promise<RepairOutcome> => {
    const number = await twilio.update(row.twilio_number_sid, parameters);
    return notApplied(number, parameters).length === 0 ? "repaired" : "failed";
  };
  try {
    return await send(update);
  } catch (error) {
    if (cannotText(error)) {
      // The number does not say that it cannot; its SMS side was never ours to set.
      const rest = withoutSms(update);
      return Object.keys(rest).length === 0 ? "in order" : send(rest);
    }
    log.warn("number_not_repaired", { phone_number_id: row.id, ...errorFields(error) });
    if (isAboutCredentials(error)) throw error;
    return "failed";
  }
}

/** Whether Twilio refused the account and not what was asked of it. */
export function isAboutCredentials(error: unknown): boolean {
  return error instanceof TwilioError && (error.facts.status === 401 || error.facts.status === 403);
}

async function write(
  health: NumberHealth,
  { row, reasons }: Finding,
  apiKeyId: string,
  type: EventType | undefined,
  services: ImportServices,
): Promise<NumberHealth> {
  const { db, now, log } = services;
  const statements = [putHealth(db, health, now().toISOString())];
  const draft: EventDraft | undefined =
    type && row.agent_id !== null
      ? {
          type,
          apiKeyId,
          agentId: row.agent_id,
          data: { phone_number: row.phone_number, twilio_number_sid: row.twilio_number_sid, reasons },
        }
      : undefined;
  const event = draft && (await sealEvent(draft, services.vault, now()));
  if (event) statements.push(insertEvent(db, event));
  const results = await batch(db, statements);
  log.info("number_checked", {
    phone_number: row.phone_number,
    health: health.health,
    reasons: reasons.join(" "),
  });
  if (event && results[1]?.meta.changes === 1) services.defer(announce(event.id, services));
  return health;
}
