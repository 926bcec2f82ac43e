import * as z from "zod/mini";
import { all } from "../database.ts";
import type { AppContext } from "../http/context.ts";
import { ApiError } from "../http/errors.ts";
import { type FieldFault, faultError } from "../http/faults.ts";
import { isObject } from "../http/json.ts";
import { body } from "../http/schema.ts";
import type { Services } from "../services.ts";
import { secretOf } from "../twilio/http.ts";
import { accountClient } from "./client.ts";
import type { AccountKey } from "./row.ts";
import { accountAliases } from "./schema.ts";
import { findOwnAccounts, type StoredAccount, selectStored } from "./store.ts";

// The account of an import. One that is known here needs no Auth Token, and no SID if it is the API key's only one.

/** What a request says of its account. */
export type GivenAccount = { twilio_sid?: string | undefined; twilio_token?: string | undefined };

const HINT =
  "Connect the account once with POST /v1/twilio-accounts, or send the twilio_sid and the twilio_token of the account that owns the number.";

/** The rows that a request without an Auth Token means, one for each Region. */
export function knownRows({ twilio_sid }: GivenAccount, stored: readonly StoredAccount[]): StoredAccount[] {
  const known = stored.filter((row) => row.is_known === 1);
  const sid = twilio_sid ?? known[0]?.account_sid;
  return known.filter((row) => row.account_sid === sid);
}

/**
 * What a request must bring beside what it has.
 *
 * @param stored of `selectStored`; not needed if the request has all
 */
export function missingOfAccount(given: GivenAccount, stored: readonly StoredAccount[]): FieldFault[] {
  const known = stored.filter((row) => row.is_known === 1);
  const meant = knownRows(given, stored);
  const isOne = meant.length > 0 && (given.twilio_sid !== undefined || meant.length === known.length);
  if (given.twilio_token === undefined && isOne) return [];
  return [
    ...(given.twilio_sid === undefined ? ["twilio_sid"] : []),
    ...(given.twilio_token === undefined && meant.length === 0 ? ["twilio_token"] : []),
  ].map((field) => ({ field, code: "missing_field", hint: HINT }));
}

const anything = z.optional(z.unknown());
const givenAccount = body(
  { twilio_sid: anything, twilio_token: anything, dry_run: anything },
  accountAliases,
);

/** The same for a body that has other faults, so that one answer names them all. @throws StorageError */
export async function missingInBody(sent: unknown, c: AppContext): Promise<FieldFault[]> {
  if (!isObject(sent)) return [];
  const given = givenAccount.parse(sent) as GivenAccount;
  const sid = typeof given.twilio_sid === "string" ? given.twilio_sid : undefined;
  return missingOfAccount(given, await all(selectStored(c.env.DB, c.get("apiKeyId"), sid)));
}

/**
 * Whether the account's owner lets this key import the number with these channels. An entry is a number, with a space and the
 * channels behind it unless it is for all of them.
 */
export function consents(
  { consented_numbers: consented }: Pick<StoredAccount, "consented_numbers">,
  phoneNumber: string,
  channels: readonly string[] = [],
): boolean {
  if (consented === null) return true;
  const given = (JSON.parse(consented) as string[]).map((consent) => consent.split(" "));
  const own = given.filter(([number]) => number === phoneNumber);
  const isIn = (channel: string) => own.some(([, of]) => of === undefined || of.includes(`"${channel}"`));
  return own.length > 0 && channels.every(isIn);
}

/**
 * The account that a request without an Auth Token means, in its first Region.
 *
 * @param isForAll the request wants more of it than numbers that it names
 * @throws ApiError `missing_field`, `not_consented`
 * @throws StorageError
 */
export async function knownAccount(
  given: GivenAccount,
  isForAll: boolean,
  apiKeyId: string,
  services: Services,
) {
  const stored = await all<StoredAccount>(selectStored(services.db, apiKeyId, given.twilio_sid));
  const missing = missingOfAccount(given, stored);
  const [row] = knownRows(given, stored);
  if (missing.length > 0 || !row) throw faultError(missing);
  if (isForAll && row.consented_numbers !== null) throw new ApiError("not_consented");
  return openKnown(row, apiKeyId, services);
}

/** A known account at Twilio. */
export async function openKnown(row: Omit<StoredAccount, "is_known">, apiKeyId: string, services: Services) {
  const account: AccountKey = { id: row.id, apiKeyId, accountSid: row.account_sid, region: row.region };
  const client = await accountClient(account, row, services);
  services.log.conceal(secretOf(client.credentials));
  return { ...client, account };
}

/** The account that a path names by its id, or by its SID if it is connected in one Region. @throws ApiError `account_not_found` */
export async function accountInPath(c: AppContext) {
  const rows = await findOwnAccounts(c.env.DB, c.get("apiKeyId"), c.req.param("twilio_account_id") ?? "");
  const [row, ...others] = rows;
  if (row && others.length === 0) return row;
  throw new ApiError("account_not_found", { details: { twilio_account_ids: rows.map(({ id }) => id) } });
}
