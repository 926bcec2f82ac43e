import { first } from "../database.ts";
import { errorBody, toApiError } from "../http/error-handler.ts";
import { ApiError } from "../http/errors.ts";
import { validated } from "../http/json-body.ts";
import { errorFields } from "../http/log.ts";
import { alreadyImported, importNumber } from "../phone-numbers/import/import.ts";
import { type ExistingRow, selectByPhoneNumber } from "../phone-numbers/import/store.ts";
import { previewImport } from "../phone-numbers/preview/preview.ts";
import { type ImportBody, importBody } from "../phone-numbers/schema.ts";
import { findOwnNumber } from "../phone-numbers/store.ts";
import type { Services } from "../services.ts";
import { credentialsWithin, listActiveAccounts } from "../twilio/account.ts";
import { isAboutCredentials, isNotFound } from "../twilio/errors.ts";
import { secretOf, type TwilioCredentials } from "../twilio/http.ts";
import { incomingPhoneNumbers } from "../twilio/incoming-phone-numbers.ts";
import { requireRegion } from "../twilio/regions.ts";
import { diagnose } from "../twilio-accounts/diagnose.ts";
import { twilioFailure } from "../twilio-accounts/twilio-failure.ts";
import {
  type Failed,
  type NumberOrder,
  type NumberReport,
  type OpenOrder,
  type OpenReport,
  packed,
  tokenSlot,
  unpacked,
} from "./order.ts";
import type { Settled } from "./store.ts";

/** Imports or plans one number as `POST /v1/phone-numbers` does. Never throws: a failure is reported. */
export async function workOnNumber(order: NumberOrder, services: Services): Promise<NumberReport> {
  const { credentials, importId, apiKeyId, isDryRun, actor = null, phoneNumber, agentId, own } = order;
  try {
    const token = await services.vault.open(credentials.sealed, tokenSlot(importId, credentials.accountSid));
    services.log.conceal(secretOf(unpacked(token)));
    const body = validated(importBody, {
      phone_number: phoneNumber,
      twilio_sid: credentials.accountSid,
      ...(!order.isKnown && { twilio_token: token }),
      agent_id: agentId,
      ...own,
    });
    const settled = isDryRun
      ? await plan(body, apiKeyId, services)
      : await carryOut(body, apiKeyId, { ...services, actor });
    return { kind: "settled", settled };
  } catch (thrown) {
    return explain(thrown, order, services);
  }
}

async function carryOut(body: ImportBody, apiKeyId: string, services: Services): Promise<Settled> {
  const { twilio_number_sid: twilioNumberSid } = await importNumber(body, apiKeyId, services);
  return { outcome: "imported", twilioNumberSid };
}

async function plan(body: ImportBody, apiKeyId: string, services: Services): Promise<Settled> {
  const preview = await previewImport(body, apiKeyId, services);
  const { answered_by, warnings, unchecked, phone_number } = preview;
  return {
    outcome: "planned",
    plan: { answered_by, warnings, unchecked },
    twilioNumberSid: phone_number.twilio_number_sid,
  };
}

/** How far the clocks of two machines may be apart. */
const CLOCK_SKEW_MS = 1_000;

/**
 * Why a number is refused as already imported, if that is this API key's own doing: it has the number, or an import of it is under
 * way, such as an earlier attempt whose object has died. If an earlier attempt may have imported it, and its answer was lost,
 * it has.
 */
async function explain(thrown: unknown, order: NumberOrder, services: Services): Promise<NumberReport> {
  if (!(thrown instanceof ApiError) || thrown.code !== "number_already_imported")
    return failed(thrown, services);
  const { phoneNumber, apiKeyId, triedSince } = order;
  const { db, now } = services;
  try {
    const own = await findOwnNumber(db, { apiKeyId, externalId: null }, phoneNumber);
    if (own) {
      const isOurs = triedSince !== null && Date.parse(own.created_at) >= triedSince - CLOCK_SKEW_MS;
      const outcome = isOurs ? "imported" : "already_yours";
      const agentId = own.agent_id;
      return { kind: "settled", settled: { outcome, agentId, twilioNumberSid: own.twilio_number_sid } };
    }
    const row = await first<ExistingRow>(selectByPhoneNumber(db, phoneNumber));
    // It was undone meanwhile.
    if (!row) return failed(new ApiError("number_already_imported", { retryAfter: 1 }), services);
    return failed(alreadyImported(row, apiKeyId, now()), services);
  } catch (error) {
    return failed(error, services);
  }
}

/** Opens an account: its credential, and on demand its numbers and subaccounts. Never throws: a failure is reported. */
export async function openAccount(order: OpenOrder, services: Services): Promise<OpenReport> {
  const { importId, apiKeyId, accountSid, credentials, region, wantsNumbers, wantsSubaccounts } = order;
  const { vault, twilio, log } = services;
  try {
    const endpoint = requireRegion(twilio, region);
    const given: TwilioCredentials = {
      accountSid: credentials.accountSid,
      ...unpacked(await vault.open(credentials.sealed, tokenSlot(importId, credentials.accountSid))),
    };
    log.conceal(secretOf(given));
    const refused = (used: TwilioCredentials) => async (error: unknown) => {
      throw await diagnose(error, { endpoint, credentials: used, apiKeyId }, services);
    };
    const isOwn = given.accountSid === accountSid;
    if (!isOwn && "keySid" in given) throw new ApiError("needs_auth_token");
    const own = await credentialsWithin(endpoint, given, accountSid).catch(notItsParent);
    log.conceal(secretOf(own));
    const subaccounts = wantsSubaccounts ? await listActiveAccounts(endpoint, own).catch(refused(own)) : null;
    const numbers: string[] = [];
    if (wantsNumbers) {
      const list = incomingPhoneNumbers(endpoint, own);
      const read = async () => {
        for await (const page of list.pages())
          numbers.push(...page.numbers.map((number) => number.phone_number));
      };
      await read().catch(refused(own));
    }
    const sealed = isOwn
      ? credentials.sealed
      : await vault.seal(packed(own), tokenSlot(importId, accountSid));
    return { kind: "opened", sealed, numbers: wantsNumbers ? numbers : null, subaccounts };
  } catch (thrown) {
    return failed(thrown, services);
  }
}

const NO_SUBACCOUNT =
  "Twilio did not give the Auth Token of this account. Send the SID and the Auth Token of its parent account, or import " +
  "the numbers of this account in a bulk import of its own.";

/** Only a parent is given an account's token. */
function notItsParent(error: unknown): never {
  throw isAboutCredentials(error) || isNotFound(error)
    ? new ApiError("twilio_invalid_credentials", { message: NO_SUBACCOUNT, cause: error })
    : twilioFailure(error, "twilio_unavailable");
}

function failed(thrown: unknown, { log, publicBaseUrl }: Services): Failed {
  const error = toApiError(thrown);
  if (error.status === 500) log.error("bulk_work_failed", errorFields(thrown));
  return { kind: "failed", error: errorBody(error, publicBaseUrl) };
}
