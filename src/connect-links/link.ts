import { type SealedEvent, sealEvent } from "../events/event.ts";
import { relay } from "../events/tell.ts";
import { ApiError, type ErrorCode } from "../http/errors.ts";
import { faultError } from "../http/faults.ts";
import { validated } from "../http/json-body.ts";
import { newId } from "../ids.ts";
import { parseChannels } from "../phone-numbers/channels.ts";
import { importNumber } from "../phone-numbers/import/import.ts";
import { leaseEnd } from "../phone-numbers/lease.ts";
import { type ImportBody, importBody } from "../phone-numbers/schema.ts";
import { metadataOf } from "../phone-numbers/settings.ts";
import type { Services } from "../services.ts";
import { connectAccount } from "../twilio-accounts/connect.ts";
import { type ConnectBody, hasCredential, required } from "../twilio-accounts/schema.ts";
import { findOwnAccounts } from "../twilio-accounts/store.ts";
import {
  countFailure,
  countNumber,
  findLink,
  holdLink,
  isTakenFrom,
  type LinkRow,
  letGoOfLink,
  MAX_FAILURES,
  putAccount,
} from "./store.ts";

/** What has become of a link. */
export function statusOf(link: LinkRow, now: Date): "open" | "completed" | "expired" | "locked" {
  if (link.locked_at !== null) return "locked";
  if (link.completed_at !== null) return "completed";
  return link.expires_at > now.toISOString() ? "open" : "expired";
}

const CLOSED: Record<ReturnType<typeof statusOf>, ErrorCode> = {
  open: "connect_link_busy",
  completed: "connect_link_used",
  expired: "connect_link_expired",
  locked: "connect_link_locked",
};

const BUSY_SECONDS = 5;

/** Why a link can do nothing now. */
export function closed(link: LinkRow | null, now: Date): ApiError {
  if (!link) return new ApiError("connect_link_not_found");
  const code = CLOSED[statusOf(link, now)];
  return new ApiError(code, code === "connect_link_busy" ? { retryAfter: BUSY_SECONDS } : {});
}

/** Does something by a link that is open; meanwhile the link can do nothing else. @throws ApiError 410, `connect_link_busy` */
async function whileHeld<T>(
  link: LinkRow,
  services: Services,
  work: (holder: string) => Promise<T>,
): Promise<T> {
  const { db, now } = services;
  const time = now();
  const holder = newId("holder");
  if (!(await holdLink(db, link.id, holder, leaseEnd(services, time), time.toISOString())))
    throw closed(await findLink(db, link.api_key_id, link.id), time);
  try {
    return await work(holder);
  } finally {
    await letGoOfLink(db, link.id, holder);
  }
}

function linkEvent(
  type: "connect_link.completed" | "connect_link.locked",
  link: LinkRow,
  numbers: readonly string[],
  { vault, now, actor }: Services,
): Promise<SealedEvent> {
  const { id: connect_link_id, api_key_id: apiKeyId, external_id, label, metadata } = link;
  const data = {
    connect_link_id,
    external_id,
    label,
    metadata: metadataOf(metadata),
    phone_numbers: numbers,
  };
  return sealEvent(
    { type, apiKeyId, agentId: null, number: null, actor, receipt: `${connect_link_id}/${type}`, data },
    vault,
    now(),
  );
}

export const channelsOf = ({ channels }: Pick<LinkRow, "channels">) =>
  channels === null ? null : parseChannels(channels);

export const numbersOf = (link: Pick<LinkRow, "numbers">) => JSON.parse(link.numbers) as string[];

const WRONG: readonly ErrorCode[] = ["twilio_invalid_credentials", "twilio_auth_failed"];

/** Connects the account of the link's customer. Its key's owner sees that, and never the credentials. @throws ApiError */
export function connectByLink(link: LinkRow, body: ConnectBody, services: Services) {
  const { db, now } = services;
  return whileHeld(link, services, async () => {
    // A SharedKey alone goes with the stored API key: with that of this link's account only.
    if (!hasCredential(body)) {
      const { account_sid } = await accountOfLink(link, services);
      if (account_sid !== body.twilio_sid) throw faultError([required("twilio_api_key_secret")]);
    }
    try {
      const { account } = await connectAccount(body, link.api_key_id, services, true);
      await putAccount(db, link.id, account.id);
      return account;
    } catch (error) {
      if (!(error instanceof ApiError && WRONG.includes(error.code))) throw error;
      const event = await linkEvent("connect_link.locked", link, numbersOf(link), services);
      const left = MAX_FAILURES - (await countFailure(db, link.id, event, now().toISOString()));
      if (left > 0) throw error.explained(error.message, { attempts_left: left });
      services.defer(relay(link.api_key_id, services));
      services.log.info("connect_link_locked", { key_id: link.api_key_id, connect_link_id: link.id });
      throw new ApiError("connect_link_locked", { cause: error });
    }
  });
}

/** The account that the link has connected, if it is still there. @throws StorageError */
export async function findAccountOfLink({ api_key_id, twilio_account_id: id }: LinkRow, { db }: Services) {
  return id === null ? undefined : (await findOwnAccounts(db, api_key_id, id))[0];
}

/** The same. @throws ApiError `account_not_found` */
export async function accountOfLink(link: LinkRow, services: Services) {
  const account = await findAccountOfLink(link, services);
  if (account) return account;
  throw new ApiError("account_not_found", {
    message: "Connect a Twilio account by this link first, in this browser.",
  });
}

/** The import of a number that the link's customer has picked: as its key's owner would send it. */
export async function importOf(
  link: LinkRow,
  given: Pick<ImportBody, "phone_number" | "plan_hash">,
  services: Services,
): Promise<ImportBody> {
  const { agent_id, external_id, label } = link;
  const { account_sid: twilio_sid } = await accountOfLink(link, services);
  const own = { external_id, label, metadata: metadataOf(link.metadata), channels: channelsOf(link) };
  return validated(importBody, { ...given, ...own, twilio_sid, agent_id });
}

/** Imports a number by a link. One that it has brought already is left as it is. @throws ApiError @throws StorageError */
export async function importByLink(
  link: LinkRow,
  given: Pick<ImportBody, "phone_number" | "plan_hash">,
  services: Services,
): Promise<void> {
  const { db, now } = services;
  if (numbersOf(link).includes(given.phone_number)) return;
  await whileHeld(link, services, async (holder) => {
    // What another request has brought since.
    const { twilio_account_id } = link;
    const fresh = { ...((await findLink(db, link.api_key_id, link.id)) ?? link), twilio_account_id };
    const brought = [...numbersOf(fresh), given.phone_number];
    const event = await linkEvent("connect_link.completed", fresh, brought, services);
    const time = now().toISOString();
    const { id } = fresh;
    await importNumber(await importOf(fresh, given, services), fresh.api_key_id, services, {
      id,
      isTaken: isTakenFrom(id, holder),
      statements: (isActive) => countNumber(db, fresh, given.phone_number, isActive, event, time),
    });
    services.defer(relay(fresh.api_key_id, services));
  });
}
