import { findAgent } from "../agents/store.ts";
import { forgetRoutes } from "../answering/route-cache.ts";
import { run, StorageError } from "../database.ts";
import { ApiError, errorCatalogue } from "../http/errors.ts";
import type { Services } from "../services.ts";
import { tryCredentials } from "../twilio/account.ts";
import { isNotFound } from "../twilio/errors.ts";
import { sealToken } from "../twilio-accounts/auth-token.ts";
import { diagnose } from "../twilio-accounts/diagnose.ts";
import { findAccount, markAccepted, replaceToken } from "../twilio-accounts/store.ts";
import type { ChangeBody } from "./schema.ts";
import { changeNumber, findOwnNumber, type OwnedNumber } from "./store.ts";

/**
 * Moves a number to another agent, switches inbound and outbound on or off, or replaces the Auth Token of its whole
 * Twilio account. A new token is stored only if Twilio accepts it. The old token verifies webhooks for one more day,
 * because Twilio signs with it until the customer promotes the new one.
 *
 * @throws ApiError `missing_field`, `number_not_found`, `agent_not_found`, and Twilio's refusals of a token
 * @throws StorageError
 */
export async function changeOwnNumber(
  phoneNumber: string,
  body: ChangeBody,
  apiKeyId: string,
  services: Services,
): Promise<OwnedNumber> {
  const { db, now } = services;
  const { agent_id: agentId, inbound_enabled, outbound_enabled, twilio_token, drift_policy } = body;
  const fields = Object.keys(body);
  if (fields.every((field) => body[field as keyof ChangeBody] === undefined)) {
    throw new ApiError("missing_field", {
      message: `${errorCatalogue.missing_field.message} Send at least one of ${fields.join(", ")}.`,
      details: { fields },
    });
  }
  const number = await ownNumber(phoneNumber, apiKeyId, db);
  if (agentId !== undefined && !(await findAgent(db, apiKeyId, agentId)))
    throw new ApiError("agent_not_found");
  if (twilio_token !== undefined) await rotateToken(number, twilio_token, apiKeyId, services);

  const changes = {
    agentId,
    inboundEnabled: inbound_enabled,
    outboundEnabled: outbound_enabled,
    driftPolicy: drift_policy,
  };
  const isThere = await changeNumber(db, number.id, changes, now().toISOString()).catch((error: unknown) => {
    // The agent was deleted after we looked it up.
    if (error instanceof StorageError && error.failure === "dangling") throw new ApiError("agent_not_found");
    throw error;
  });
  forgetRoutes(apiKeyId);
  if (!isThere) throw new ApiError("number_not_found");
  return ownNumber(phoneNumber, apiKeyId, db);
}

/** @throws ApiError `number_not_found` */
export async function ownNumber(phoneNumber: string, apiKeyId: string, db: D1Database): Promise<OwnedNumber> {
  const number = await findOwnNumber(db, apiKeyId, phoneNumber);
  if (!number) throw new ApiError("number_not_found");
  return number;
}

async function rotateToken(
  { account_sid: accountSid }: OwnedNumber,
  authToken: string,
  apiKeyId: string,
  services: Services,
): Promise<void> {
  const { db, twilio, log, now } = services;
  const account = { apiKeyId, accountSid };
  const credentials = { accountSid, authToken };
  try {
    await tryCredentials(twilio, credentials);
  } catch (error) {
    // This request names no number: a 404 says that Twilio does not know the account.
    const isUnknown = isNotFound(error);
    if (isUnknown) throw new ApiError("twilio_invalid_credentials", { cause: error });
    throw await diagnose(error, twilio, credentials);
  }
  // If two requests bring new tokens at once, the later one replaces the earlier one.
  for (;;) {
    const stored = await findAccount(db, account);
    if (!stored) throw new ApiError("number_not_found");
    const token = await sealToken(account, authToken, stored, services);
    const time = now().toISOString();
    if (token.replaces !== null && !(await replaceToken(db, token, time))) continue;
    await run(markAccepted(db, account, time));
    log.info("auth_token_replaced", { account_sid: accountSid, is_new: token.replaces !== null });
    return;
  }
}
