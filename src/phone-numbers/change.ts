import type { Owner } from "../actor.ts";
import { findAgent } from "../agents/store.ts";
import { StorageError } from "../database.ts";
import { ApiError, errorCatalogue } from "../http/errors.ts";
import { warningsOf } from "../http/warnings.ts";
import type { Services } from "../services.ts";
import { requireRegion } from "../twilio/regions.ts";
import { refuseToken, requireAccepted, storeCredential } from "../twilio-accounts/connect.ts";
import { sealCredential } from "../twilio-accounts/credential.ts";
import { accountOf } from "../twilio-accounts/row.ts";
import { findAccount } from "../twilio-accounts/store.ts";
import { changeChannels, planChannels } from "./change-channels.ts";
import { changedOwn, checkInboundUrl, serialiseOwn } from "./change-settings.ts";
import { takenChannels } from "./channels.ts";
import type { FieldChange } from "./configuration.ts";
import type { Returned } from "./release/release.ts";
import { type ChangeBody, changeBody } from "./schema.ts";
import { changeNumber, findOwnNumber, type OwnedNumber } from "./store.ts";

const FIELDS = Object.keys(changeBody._zod.def.out._zod.def.shape).filter((name) => name !== "dry_run");

/**
 * Refuses a change that changes nothing, and names what it sent instead.
 *
 * @param sent the body as it came in
 * @throws ApiError `missing_field`
 */
export function requireChange({ dry_run: _, ...body }: ChangeBody, sent: object): void {
  if (Object.values(body).some((value) => value !== undefined)) return;
  const unknown = warningsOf(changeBody, sent).map(({ details }) => details);
  const near = unknown.flatMap(({ field, did_you_mean }) =>
    did_you_mean === undefined ? [] : [[field, did_you_mean]],
  );
  const named =
    unknown.length === 0 ? "" : ` There is no field ${unknown.map(({ field }) => field).join(", ")}.`;
  const suggestion = near.map(([field, name]) => ` Instead of ${field}, send ${name}.`).join("");
  throw new ApiError("missing_field", {
    message: `${errorCatalogue.missing_field.message}${named}${suggestion} Send at least one of ${FIELDS.join(", ")}.`,
    details: {
      fields: FIELDS,
      ...(unknown.length > 0 && { unknown_fields: unknown.map(({ field }) => field) }),
      ...(near.length > 0 && { did_you_mean: Object.fromEntries(near) }),
    },
  });
}

/**
 * Moves a number to another agent, switches inbound and outbound on or off, adds channels or gives them back, or replaces
 * the Auth Token of its whole Twilio account. A new token is stored only if Twilio accepts it. The old token verifies webhooks for one more day,
 * because Twilio signs with it until the customer promotes the new one.
 *
 * @throws ApiError `number_not_found`, `agent_not_found`, Twilio's refusals of a token, and those of `changeChannels`
 * @throws StorageError
 */
export async function changeOwnNumber(
  phoneNumber: string,
  body: ChangeBody,
  owner: Owner,
  services: Services,
): Promise<{ number: OwnedNumber; returned: Returned | undefined }> {
  const { db, now } = services;
  const { apiKeyId } = owner;
  let number = await verifyChange(phoneNumber, body, owner, services);
  let after = changedOwn(number, body);
  if (body.twilio_token !== undefined) {
    const account = accountOf({ ...number, api_key_id: apiKeyId });
    const { isStored } = await storeCredential(account, { authToken: body.twilio_token }, services);
    if (!isStored) throw new ApiError("number_not_found");
  }
  const returned = body.channels && (await changeChannels(number, body.channels, apiKeyId, services));
  const write = () =>
    changeNumber(
      db,
      number.id,
      {
        agentId: body.agent_id,
        inboundEnabled: body.inbound_enabled,
        outboundEnabled: body.outbound_enabled,
        driftPolicy: body.drift_policy,
        own: [number, after],
      },
      now().toISOString(),
    ).catch((error: unknown) => {
      // The agent was deleted after we looked it up.
      if (error instanceof StorageError && error.failure === "dangling")
        throw new ApiError("agent_not_found");
      throw error;
    });
  // If another request changed the number in between, these changes are applied to what it has left: both count.
  while (!(await write())) {
    number = await ownNumber(phoneNumber, owner, db);
    after = changedOwn(number, body);
  }
  services.routesChanged(apiKeyId);
  return { number: await ownNumber(phoneNumber, owner, db), returned };
}

/** One field of a number, as it is and as it would be. */
export type PlannedChange = { field: keyof ChangeBody; present: unknown; new: unknown };

/**
 * What a change would change. Tries a new token at Twilio, as the change does, and writes nothing.
 *
 * @throws as {@link changeOwnNumber}
 */
export async function planChange(
  phoneNumber: string,
  body: ChangeBody,
  owner: Owner,
  services: Services,
): Promise<{ number: OwnedNumber; changes: PlannedChange[]; twilioChanges?: FieldChange[] }> {
  const { apiKeyId } = owner;
  const number = await verifyChange(phoneNumber, body, owner, services);
  const present = {
    agent_id: number.agent_id,
    inbound_enabled: number.inbound_enabled === 1,
    outbound_enabled: number.outbound_enabled === 1,
    drift_policy: number.drift_policy,
    ...serialiseOwn(number),
  };
  const wanted = { ...body, ...serialiseOwn(changedOwn(number, body)) };
  const changes = Object.entries(present).flatMap(([name, before]): PlannedChange[] => {
    const field = name as keyof typeof present;
    const after = wanted[field];
    const isSame = after === undefined || JSON.stringify(after) === JSON.stringify(before);
    return isSame ? [] : [{ field, present: before, new: after }];
  });
  if (body.twilio_token !== undefined) {
    const account = accountOf({ ...number, api_key_id: apiKeyId });
    const stored = await findAccount(services.db, account);
    const credential = { authToken: body.twilio_token };
    const { replaces } = await sealCredential(account, credential, stored ?? undefined, services);
    if (replaces) changes.push({ field: "twilio_token", present: "[redacted]", new: "[redacted]" });
  }
  const taken = takenChannels(number);
  if (body.channels === undefined || String(body.channels) === String(taken)) return { number, changes };
  changes.push({ field: "channels", present: taken, new: body.channels });
  return { number, changes, twilioChanges: await planChannels(number, body.channels, apiKeyId, services) };
}

/** Finds out whether a change is possible: the number and the agent are there, and Twilio takes a new token. */
async function verifyChange(
  phoneNumber: string,
  { agent_id: agentId, twilio_token: authToken, inbound_url }: ChangeBody,
  owner: Owner,
  services: Services,
): Promise<OwnedNumber> {
  const { apiKeyId } = owner;
  const { db, twilio } = services;
  checkInboundUrl({ inbound_url }, services);
  const number = await ownNumber(phoneNumber, owner, db);
  if (agentId !== undefined && !(await findAgent(db, apiKeyId, agentId)))
    throw new ApiError("agent_not_found");
  if (authToken !== undefined) {
    refuseToken(await findAccount(db, accountOf({ ...number, api_key_id: apiKeyId })));
    const credentials = { accountSid: number.account_sid, authToken };
    await requireAccepted(requireRegion(twilio, number.region), credentials, apiKeyId, services);
  }
  return number;
}

/** @throws ApiError `number_not_found` */
export async function ownNumber(phoneNumber: string, owner: Owner, db: D1Database): Promise<OwnedNumber> {
  const number = await findOwnNumber(db, owner, phoneNumber);
  if (!number) throw new ApiError("number_not_found");
  return number;
}
