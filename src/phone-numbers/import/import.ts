import { StorageError } from "../../database.ts";
import { sealEvent } from "../../events/event.ts";
import { nearEvent } from "../../events/near.ts";
import { relay } from "../../events/tell.ts";
import { ApiError } from "../../http/errors.ts";
import { errorFields } from "../../http/log.ts";
import type { Room } from "../../limits.ts";
import type { Services } from "../../services.ts";
import { cannotText } from "../../twilio/errors.ts";
import type { IncomingPhoneNumber } from "../../twilio/incoming-phone-numbers.ts";
import { webhooksOf } from "../../twilio/webhook-urls.ts";
import { sealCredential } from "../../twilio-accounts/credential.ts";
import { type CredentialToStore, replaceToken } from "../../twilio-accounts/store.ts";
import { type Channel, ofChannels } from "../channels.ts";
import { notApplied, planImport } from "../configuration.ts";
import { expireLease, secondsLeft } from "../lease.ts";
import { eventNumber, type PhoneNumberRow } from "../row.ts";
import type { ImportBody } from "../schema.ts";
import { type ClaimedImport, claim } from "./claim.ts";
import { lookUp } from "./look-up.ts";
import { checkPlan } from "./plan-hash.ts";
import { type Activation, activate, type ImportingLink, type NewClaim } from "./store.ts";
import { takeoverOf } from "./takeover.ts";
import { outcomeUnknown, recover, undoAndAnswer } from "./undo.ts";

/**
 * Imports a number: afterwards Twilio asks this deployment what to do with its calls and texts.
 *
 * A saga in four steps: look up the number, claim its row, point Twilio here, make the row active. The row is written
 * before Twilio is changed and holds what the import overwrites, so an import that stops after any step can be
 * completed or undone. docs/architecture.md draws it.
 *
 * @returns as the API answers it; `agent_id` is null if somebody deleted the agent by force during the import
 * @throws ApiError
 * @throws StorageError
 */
export async function importNumber(
  body: ImportBody,
  apiKeyId: string,
  services: Services,
  link?: ImportingLink,
) {
  const { log } = services;
  const known = await lookUp(body, apiKeyId, services, link !== undefined);
  const { number, existing, account } = known;
  const token = known.isByToken
    ? await sealCredential(account, known.credentials, known.stored, services)
    : undefined;
  const takeover = existing && (await takeoverOf(existing, account, services));
  if (existing && !takeover) throw await conflict(existing, apiKeyId, token, services);
  await checkPlan(body.plan_hash, known, services);

  const claimed = await claim({ body, link, known, takeover, token }, services);
  const taken = await pointHere(claimed, body.channels !== undefined, services);
  const agent_id = await confirm(claimed, { ...known, taken, link }, services);

  log.info("number_imported", {
    key_id: apiKeyId,
    phone_number: body.phone_number,
    agent_id: body.agent_id,
    account_sid: account.accountSid,
    twilio_number_sid: number.sid,
    taken_over: takeover === "taken_over",
  });
  // A new number has both directions enabled until its owner changes that.
  const directions = { inbound_enabled: true, outbound_enabled: true };
  return { phone_number: body.phone_number, agent_id, twilio_number_sid: number.sid, ...directions };
}

/**
 * The 409. Twilio has accepted the token, so it is stored if it differs from the stored one: people import again after
 * they rotate their token.
 */
async function conflict(
  existing: PhoneNumberRow,
  apiKeyId: string,
  token: CredentialToStore | undefined,
  { db, now, routesChanged }: Services,
): Promise<ApiError> {
  if (token?.replaces) {
    await replaceToken(db, token, now().toISOString());
    routesChanged(apiKeyId);
  }
  return alreadyImported(existing, apiKeyId, now());
}

/** The 409 itself. Only the number's own key learns that it has it, or that an import or release is running, and when to retry. */
export function alreadyImported(existing: PhoneNumberRow, apiKeyId: string, now: Date): ApiError {
  if (existing.api_key_id !== apiKeyId) return new ApiError("number_already_imported");
  if (existing.state === "active")
    return new ApiError("number_already_imported", {
      message: `You have this number already, for ${existing.agent_id ?? "no agent"}. PATCH it to change that.`,
    });
  return new ApiError("number_already_imported", {
    details: { state: existing.state },
    retryAfter: Math.max(1, secondsLeft(existing, now)),
  });
}

/**
 * Points the number at this deployment, or restores it and throws.
 *
 * @param isChosen its owner has named the channels
 * @returns the channels that point here: without texts, if Twilio said that the number cannot text
 */
async function pointHere(
  claimed: ClaimedImport,
  isChosen: boolean,
  services: Services,
): Promise<readonly Channel[]> {
  const { row, number, twilio, channels } = claimed;
  const webhooks = webhooksOf(services.publicBaseUrl, { accountId: row.accountId, phoneNumberId: row.id });
  let taken = channels;
  let update = planImport(number, webhooks, taken);
  let updated: IncomingPhoneNumber;
  try {
    updated = await twilio.update(number.sid, update).catch((error: unknown) => {
      if (!cannotText(error) || isChosen || !channels.includes("voice")) throw error;
      taken = ["voice"];
      update = ofChannels(update, taken);
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
  return taken;
}

/**
 * Makes the row active, and tells the customer. Tries twice, because Twilio already points here.
 */
async function confirm(
  { row }: ClaimedImport<NewClaim>,
  {
    taken,
    isRegionChecked,
    room,
    link,
  }: Pick<Activation, "taken" | "isRegionChecked" | "link"> & { room: Room },
  services: Services,
): Promise<string | null> {
  const { db, log, now, vault } = services;
  const { id, apiKeyId, agentId, phoneNumber, twilioNumberSid, own, connectLinkId } = row;
  const number = eventNumber({ id, phone_number: phoneNumber, connect_link_id: connectLinkId, ...own });
  const data = { twilio_number_sid: twilioNumberSid };
  const draft = { type: "number.imported", apiKeyId, agentId, number, actor: services.actor, data } as const;
  const event = await sealEvent(draft, vault, now());
  const near = await nearEvent(apiKeyId, "max_numbers", room, services);
  const limits = { near, maxNumbers: services.defaultLimits.max_numbers };
  const write = () =>
    activate(db, { ...row, taken, isRegionChecked, link }, event, limits, now().toISOString());
  try {
    const activated = await write().catch((error: unknown) => {
      log.warn("activation_repeated", errorFields(error));
      return write();
    });
    // Recovery undoes what a link no longer brings.
    if (!activated && link) throw new ApiError("connect_link_busy", { retryAfter: 5 });
    if (!activated) throw new ApiError("number_already_imported");
    if (activated.hasEvent) services.defer(relay(row.apiKeyId, services));
    return activated.agentId;
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    await expireLease(row, services);
    throw outcomeUnknown(error);
  } finally {
    services.routesChanged(apiKeyId);
  }
}
