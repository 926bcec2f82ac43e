import type { Owner } from "../actor.ts";
import { findAgent } from "../agents/store.ts";
import { StorageError } from "../database.ts";
import { sealEvent } from "../events/event.ts";
import { relay } from "../events/tell.ts";
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
import { eventNumber } from "./row.ts";
import { type ChangeBody, changeBody } from "./schema.ts";
import type { OwnColumns } from "./settings.ts";
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
  const near = unknown.flatMap(({ field, did_you_mean: name }) =>
    name === undefined ? [] : [[field, name]],
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
  const { db, vault, now } = services;
  const { apiKeyId } = owner;
  let number = await verifyChange(phoneNumber, body, owner, services);
  // What is too large is refused before anything is changed.
  const planned = changesOf(number, body);
  const tell = (fields: string[], own: OwnColumns = number) =>
    sealEvent(
      {
        type: "number.changed",
        apiKeyId,
        // The agent that had the number may have lost it.
        agentId: number.agent_id ?? body.agent_id ?? null,
        number: eventNumber({ ...number, ...own }),
        actor: services.actor,
        data: { twilio_number_sid: number.twilio_number_sid, fields },
      },
      vault,
      now(),
    );
  const { twilio_token: authToken } = body;
  if (authToken !== undefined) {
    const account = accountOf({ ...number, api_key_id: apiKeyId });
    const told = await tell([TOKEN.field]);
    const stored = await storeCredential(account, { authToken }, services, undefined, told);
    if (!stored.isStored) throw new ApiError("number_not_found");
    if (stored.isReplaced) services.defer(relay(apiKeyId, services));
  }
  const returned = body.channels && (await changeChannels(number, body.channels, apiKeyId, services));
  const write = async () => {
    // Its channels are changed already.
    const changes = [...changesOf(number, body), ...planned.filter(({ field }) => field === "channels")];
    const own = changedOwn(number, body);
    const fields = [...new Set(changes.map(({ field }) => field))];
    const told = fields.length > 0 ? await tell(fields, own) : undefined;
    try {
      const { isChanged, hasEvent } = await changeNumber(db, number, body, own, told, now().toISOString());
      if (hasEvent) services.defer(relay(apiKeyId, services));
      return isChanged;
    } catch (error) {
      // The agent was deleted after we looked it up.
      if (error instanceof StorageError && error.failure === "dangling")
        throw new ApiError("agent_not_found");
      throw error;
    }
  };
  // If another request changed the number in between, these changes are applied to what it has left: both count.
  while (!(await write())) number = await ownNumber(phoneNumber, owner, db);
  services.routesChanged(apiKeyId);
  return { number: await ownNumber(phoneNumber, owner, db), returned };
}

/** One field of a number, as it is and as it would be. */
export type PlannedChange = { field: keyof ChangeBody; present: unknown; new: unknown };

const TOKEN = { field: "twilio_token", present: "[redacted]", new: "[redacted]" } as const;

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
  const changes = changesOf(number, body);
  if (body.twilio_token !== undefined) {
    const account = accountOf({ ...number, api_key_id: apiKeyId });
    const stored = await findAccount(services.db, account);
    const credential = { authToken: body.twilio_token };
    const { replaces } = await sealCredential(account, credential, stored ?? undefined, services);
    if (replaces) changes.push(TOKEN);
  }
  if (!body.channels || changes.every(({ field }) => field !== "channels")) return { number, changes };
  return { number, changes, twilioChanges: await planChannels(number, body.channels, apiKeyId, services) };
}

/** What a change does to a number, beside its account's token. */
function changesOf(number: OwnedNumber, body: ChangeBody): PlannedChange[] {
  const present = {
    agent_id: number.agent_id,
    inbound_enabled: number.inbound_enabled === 1,
    outbound_enabled: number.outbound_enabled === 1,
    drift_policy: number.drift_policy,
    channels: takenChannels(number),
    ...serialiseOwn(number),
  };
  const wanted = { ...body, ...serialiseOwn(changedOwn(number, body)) };
  return Object.entries(present).flatMap(([name, before]): PlannedChange[] => {
    const field = name as keyof typeof present;
    const after = wanted[field];
    const isSame = after === undefined || JSON.stringify(after) === JSON.stringify(before);
    return isSame ? [] : [{ field, present: before, new: after }];
  });
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
