import { forgetRoutes } from "../../answering/route-cache.ts";
import { webhooksOf } from "../../answering/webhook-urls.ts";
import { StorageError } from "../../database.ts";
import { sealEvent } from "../../events/event.ts";
import { relay } from "../../events/tell.ts";
import { ApiError } from "../../http/errors.ts";
import { errorFields } from "../../http/log.ts";
import type { Services } from "../../services.ts";
import { cannotText } from "../../twilio/errors.ts";
import { type IncomingPhoneNumber, incomingPhoneNumbers } from "../../twilio/incoming-phone-numbers.ts";
import { sealToken } from "../../twilio-accounts/auth-token.ts";
import { replaceToken, type TokenToStore } from "../../twilio-accounts/store.ts";
import { notApplied, planImport, withoutSms } from "../configuration.ts";
import { expireLease, secondsLeft } from "../lease.ts";
import type { PhoneNumberRow } from "../row.ts";
import type { ImportBody } from "../schema.ts";
import { type ClaimedImport, claim, takeoverOf } from "./claim.ts";
import { lookUp } from "./look-up.ts";
import { checkPlan } from "./plan-hash.ts";
import { activate } from "./store.ts";
import { outcomeUnknown, recover, undoAndAnswer } from "./undo.ts";

/** `agentId` is null where the agent was deleted by force while its number was imported. */
export type ImportedNumber = { phoneNumber: string; agentId: string | null; twilioNumberSid: string };

/**
 * Imports a number: afterwards Twilio asks this deployment what to do with its calls and texts.
 *
 * A saga in four steps, each of which can be the last: look the number up, claim its row, point Twilio here, make the
 * row active. The row is there before Twilio is touched and holds what was overwritten, so whatever happens in
 * between can be finished or undone. docs/architecture.md draws it.
 *
 * @throws ApiError
 * @throws StorageError
 */
export async function importNumber(
  body: ImportBody,
  apiKeyId: string,
  services: Services,
): Promise<ImportedNumber> {
  const { log, now } = services;
  const credentials = { accountSid: body.twilio_sid, authToken: body.twilio_token };
  const twilio = incomingPhoneNumbers(services.twilio, credentials);

  const { number, existing, account } = await lookUp(body, apiKeyId, twilio, services);
  const owner = { apiKeyId, accountSid: body.twilio_sid };
  const token = await sealToken(owner, body.twilio_token, account, services);
  const takeover = existing && takeoverOf(existing, apiKeyId, now());
  if (existing && !takeover) throw await conflict(existing, apiKeyId, token, services);
  await checkPlan(body.plan_hash, number, services);

  const abandoned = takeover === "taken_over" ? existing : undefined;
  const superseded = takeover === "superseded" ? existing : undefined;
  const request = { body, apiKeyId, number, abandoned, superseded, token, twilio };
  const claimed = await claim(request, services);
  const smsRefused = await pointHere(claimed, services);
  const agentId = await confirm(claimed, smsRefused, services);

  log.info("number_imported", {
    phone_number: body.phone_number,
    agent_id: body.agent_id,
    account_sid: body.twilio_sid,
    twilio_number_sid: number.sid,
    taken_over: abandoned !== undefined,
  });
  return { phoneNumber: body.phone_number, agentId, twilioNumberSid: number.sid };
}

/**
 * The 409. The token was accepted by Twilio all the same, so where it is newer than the one stored for this key's
 * account it is kept: importing again is what people do after they rotated it.
 */
async function conflict(
  existing: PhoneNumberRow,
  apiKeyId: string,
  token: TokenToStore,
  { db, now }: Services,
): Promise<ApiError> {
  if (token.replaces !== null) {
    await replaceToken(db, token, now().toISOString());
    forgetRoutes(apiKeyId);
  }
  return alreadyImported(existing, apiKeyId, now());
}

/** The 409 itself. Only its own key is told that an import or a release is under way, and when to come back. */
export function alreadyImported(existing: PhoneNumberRow, apiKeyId: string, now: Date): ApiError {
  const isOwnWork = existing.api_key_id === apiKeyId && existing.state !== "active";
  if (!isOwnWork) return new ApiError("number_already_imported");
  return new ApiError("number_already_imported", {
    details: { state: existing.state },
    retryAfter: Math.max(1, secondsLeft(existing, now)),
  });
}

/**
 * Points the number at this deployment, or leaves it as it was and throws.
 *
 * @returns whether Twilio has said that the number cannot text, so that its SMS side was left alone
 */
async function pointHere(claimed: ClaimedImport, services: Services): Promise<boolean> {
  const { row, number, twilio } = claimed;
  const whole = planImport(number, webhooksOf(services.publicBaseUrl, row.id));
  let update = whole;
  let updated: IncomingPhoneNumber;
  try {
    updated = await twilio.update(number.sid, update).catch((error: unknown) => {
      if (!cannotText(error)) throw error;
      update = withoutSms(update);
      return twilio.update(number.sid, update);
    });
  } catch (error) {
    throw await recover(claimed, error, services);
  }
  const missing = notApplied(updated, update);
  if (missing.length > 0) {
    const answer = new ApiError("twilio_webhooks_not_applied", { details: { fields: missing } });
    throw await undoAndAnswer(claimed, updated, answer, services);
  }
  return update !== whole;
}

/**
 * Makes the row active, and tells the customer. Tried twice, for Twilio points here already and the row should say so.
 */
async function confirm(
  { row }: ClaimedImport,
  smsRefused: boolean,
  services: Services,
): Promise<string | null> {
  const { db, log, now, vault } = services;
  const { id: phoneNumberId, apiKeyId, agentId, phoneNumber, twilioNumberSid } = row;
  const data = { phone_number: phoneNumber, twilio_number_sid: twilioNumberSid };
  const draft = { type: "number.imported", apiKeyId, agentId, phoneNumberId, data } as const;
  const event = await sealEvent(draft, vault, now());
  const write = () => activate(db, { ...row, smsRefused }, event, now().toISOString());
  try {
    const activated = await write().catch((error: unknown) => {
      log.warn("activation_repeated", errorFields(error));
      return write();
    });
    if (!activated) throw new ApiError("number_already_imported");
    if (activated.hasEvent) services.defer(relay([event], services));
    return activated.agentId;
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    await expireLease(row, services);
    throw outcomeUnknown(error);
  } finally {
    forgetRoutes(apiKeyId);
  }
}
