import { ApiError } from "../../http/errors.ts";
import { type FieldFault, faultError } from "../../http/faults.ts";
import type { Services } from "../../services.ts";
import { credentialsWithin, listActiveAccounts } from "../../twilio/account.ts";
import { TwilioError } from "../../twilio/errors.ts";
import { secretOf } from "../../twilio/http.ts";
import { type ListPosition, type NamedNumber, readNumbersPage } from "../../twilio/incoming-phone-numbers.ts";
import { ownUrls } from "../../twilio/webhook-urls.ts";
import { diagnose } from "../../twilio-accounts/diagnose.ts";
import { consents, openKnown } from "../../twilio-accounts/known.ts";
import { learnRefused } from "../../twilio-accounts/learn.ts";
import type { StoredAccount } from "../../twilio-accounts/store.ts";
import type { AvailableQuery } from "../schema.ts";
import { findImported } from "../store.ts";
import { smsAnsweredBy, voiceAnsweredBy } from "./answered-by.ts";

/**
 * A page of the numbers of a Twilio account, as they are at Twilio: what each can, who answers it, and whether this key
 * has imported it. With subaccounts, one account after the other.
 *
 * @param isOwner the account's owner asks, by a connect link: others see only the numbers to which he has consented
 * @returns `next`: where the next page begins; null at the end. A page may have fewer numbers than the limit before it
 * @throws ApiError Twilio's refusal of the credentials
 * @throws StorageError
 */
export async function listAvailable(
  row: Omit<StoredAccount, "is_known">,
  { limit, after, include_subaccounts }: AvailableQuery,
  apiKeyId: string,
  services: Services,
  isOwner = false,
) {
  if (include_subaccounts && row.api_key_sid !== null) throw new ApiError("needs_auth_token");
  if (include_subaccounts && row.consented_numbers !== null) throw new ApiError("not_consented");
  const { endpoint, credentials, account } = await openKnown(row, apiKeyId, services);
  try {
    const own = account.accountSid;
    const sids = include_subaccounts ? (await listActiveAccounts(endpoint, credentials)).sort() : [own];
    const sid = sids.find((candidate) => after === undefined || candidate >= after.accountSid);
    if (sid === undefined) return { available_numbers: [], limit, next: null };
    const inside = await credentialsWithin(endpoint, credentials, sid);
    services.log.conceal(secretOf(inside));
    const position = after?.accountSid === sid ? after.position : undefined;
    const { numbers, next } = await readNumbersPage(endpoint, inside, limit, position);
    const seen = numbers.filter(({ phone_number }) => isOwner || consents(row, phone_number));
    const following = sids[sids.indexOf(sid) + 1];
    return {
      available_numbers: await describe(seen, sid, apiKeyId, services),
      limit,
      next: next ? cursorOf(sid, next) : (following ?? null),
    };
  } catch (error) {
    const status = error instanceof TwilioError ? error.facts.status : undefined;
    if (after?.position && (status === 400 || status === 404)) throw faultError([ENDED]);
    // What Twilio answers about a subaccount says nothing about the stored credential.
    if (!include_subaccounts) await learnRefused(account, row, error, services);
    throw await diagnose(error, { endpoint, credentials, apiKeyId, isRefusedEverywhere: true }, services);
  }
}

const ENDED: FieldFault = {
  field: "after",
  code: "invalid_parameter",
  hint: "Twilio no longer knows this page. Begin again without after.",
  problem: { problem: "malformed" },
};

const cursorOf = (sid: string, { page, token }: ListPosition) => `${sid}.${page}.${token}`;

async function describe(numbers: readonly NamedNumber[], sid: string, apiKeyId: string, services: Services) {
  const own = await findImported(
    services.db,
    apiKeyId,
    numbers.map(({ phone_number }) => phone_number),
  );
  const isOurs = ownUrls(services.ownAddresses, ...own.map(({ id }) => id));
  const imported = new Set(own.map(({ phone_number }) => phone_number));
  return numbers.map((number) => ({
    phone_number: number.phone_number,
    friendly_name: number.friendly_name,
    twilio_sid: sid,
    twilio_number_sid: number.sid,
    capabilities: { voice: number.capabilities?.voice ?? null, sms: number.capabilities?.sms ?? null },
    answered_by: { voice: voiceAnsweredBy(number, isOurs), sms: smsAnsweredBy(number, isOurs) },
    imported: imported.has(number.phone_number),
  }));
}
