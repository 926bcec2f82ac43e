import { errorFields, type Logger } from "../http/log.ts";
import { equalInConstantTime } from "../vault/constant-time.ts";
import type { Slot, Vault } from "../vault/vault.ts";
import type { TokenToStore, TwilioAccountRow } from "./account-store.ts";

/** How long the token before the present one still verifies webhooks. */
const PREVIOUS_TOKEN_MS = 24 * 60 * 60 * 1000;

type Owner = { apiKeyId: string; accountSid: string };

export const authTokenSlot = ({ apiKeyId, accountSid }: Owner): Slot =>
  `twilio_accounts.auth_token/${apiKeyId}/${accountSid}`;

/** A token that Twilio has just accepted, sealed, and whether it is another than the stored one. */
export async function sealToken(
  vault: Vault,
  owner: Owner,
  authToken: string,
  stored: TwilioAccountRow | undefined,
  log: Logger,
): Promise<TokenToStore> {
  const [authTokenSealed, isNewer] = await Promise.all([
    vault.seal(authToken, authTokenSlot(owner)),
    stored ? differs(vault, owner, authToken, stored, log) : false,
  ]);
  return { ...owner, authTokenSealed, replaces: isNewer && stored ? stored.auth_token_sealed : null };
}

async function differs(vault: Vault, owner: Owner, authToken: string, stored: TwilioAccountRow, log: Logger) {
  try {
    return !(await equalInConstantTime(
      authToken,
      await vault.open(stored.auth_token_sealed, authTokenSlot(owner)),
    ));
  } catch (error) {
    // The stored one is lost, which an operator should know; the one at hand works.
    log.error("stored_token_unreadable", { account_sid: owner.accountSid, ...errorFields(error) });
    return true;
  }
}

/**
 * The tokens that may have signed a webhook of this account, the likeliest first. Twilio signs with the primary token
 * until a secondary one is promoted, so the token before the present one counts for a day.
 *
 * @throws VaultError where none of them can be opened; one that can is enough to answer calls
 */
export async function openTokens(
  vault: Vault,
  owner: Owner,
  stored: TwilioAccountRow,
  now: Date,
  log: Logger,
): Promise<string[]> {
  const {
    auth_token_sealed: current,
    previous_auth_token_sealed: previous,
    auth_token_changed_at: changedAt,
  } = stored;
  const previousIsGood = changedAt !== null && now.getTime() - Date.parse(changedAt) < PREVIOUS_TOKEN_MS;
  const sealed = previous !== null && previousIsGood ? [current, previous] : [current];
  const opened = await Promise.allSettled(sealed.map((token) => vault.open(token, authTokenSlot(owner))));
  const failed = opened.find((result) => result.status === "rejected");
  if (failed)
    log.error("stored_token_unreadable", { account_sid: owner.accountSid, ...errorFields(failed.reason) });
  const tokens = opened.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  if (tokens.length === 0) throw failed?.reason;
  return tokens;
}
