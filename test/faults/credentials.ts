import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { ACCOUNTS, ALLOWED, credentialOf, ruleFor, sharedKey, signedBy } from "../support/api-key-account.ts";
import { addApiKey } from "../twilio-simulator/api-keys.ts";
import type { Account, SharedKey } from "../twilio-simulator/state.ts";
import type { Act } from "./rude.ts";
import type { Tenant, World } from "./world.ts";

// An account is connected by an API key, and signed by a SharedKey; or by its token again, or not at all any more.

/** What a tenant has sent here of an account, and how much of it was acknowledged and so stands in the Rule. */
export type Signing = { sent: SharedKey; inForce: SharedKey | null; isByKey: boolean };

/** Whether the account as this tenant has it can no longer be asked, as its token was replaced. */
export const isOutdated = ({ outdated, signing }: Tenant, account: Account): boolean =>
  outdated.has(account) && signing.get(account)?.isByKey !== true;

/** Whether what Twilio signs for this tenant verifies here. */
export function isVerifiable(tenant: Tenant, account: Account): boolean {
  const signing = tenant.signing.get(account);
  if (signing?.inForce) return true;
  const hasDefault = account.webhookRules !== undefined && account.webhookRules.length > 0;
  return !hasDefault && !signing?.isByKey && !tenant.outdated.has(account);
}

/** An owner who got no answer sends the same SharedKey again; who has it acknowledged makes his Rule, and then a new one. */
export async function connectByKey({ world, tenant, belief: { account }, isSure, request, overrides }: Act) {
  const known = tenant.signing.get(account);
  const sent = known && known.sent !== known.inForce ? known.sent : sharedKey();
  const signing = { inForce: known?.inForce ?? null, isByKey: known?.isByKey ?? false, sent };
  tenant.signing.set(account, signing);
  // Until the Rule stands, the token signs, or a key that the owner had before.
  for (const known of [world.ruled, world.rotated]) known.add(account.sid);
  const [apiKey = addApiKey(account)] = account.apiKeys ?? [];
  const options = { env: { ...overrides.env, ...ALLOWED } };
  const body = { ...credentialOf(account, apiKey), ...signedBy(sent) };
  const response = await request("POST", ACCOUNTS, body, options);
  if (isSure) expect([200, 201]).toContain(response.status);
  if (response.ok) {
    const { twilio_account } = await response.json<{ twilio_account: { twilio_account_id: string } }>();
    ruleFor(account, twilio_account.twilio_account_id, sent);
    signing.inForce = sent;
  }
  await learnCredential(tenant, account);
}

export async function connectByToken({ tenant, belief: { account }, isSure, request }: Act) {
  const { sid: twilio_sid, authToken: twilio_token } = account;
  const response = await request("POST", ACCOUNTS, { twilio_sid, twilio_token });
  if (isSure) expect([200, 201]).toContain(response.status);
  if (response.ok && account.authToken === twilio_token) tenant.outdated.delete(account);
  await learnCredential(tenant, account);
}

export async function disconnect({ tenant, belief: { account }, request }: Act) {
  await request("DELETE", `${ACCOUNTS}/${account.sid}`);
  await learnCredential(tenant, account);
}

/** Whoever got no answer looks. */
export async function learnCredential(tenant: Tenant, account: Account): Promise<void> {
  const row = await env.DB.prepare(
    "SELECT id, api_key_sid FROM twilio_accounts WHERE api_key_id = ?1 AND account_sid = ?2",
  )
    .bind(tenant.key.key_id, account.sid)
    .first<{ id: string; api_key_sid: string | null }>();
  const signing = tenant.signing.get(account);
  if (!row) tenant.signing.delete(account);
  else if (signing) signing.isByKey = row.api_key_sid !== null;
}

/** Whoever got no answer asks until he gets one. */
export async function settleCredentials(world: World, act: (tenant: Tenant, account: Account) => Act) {
  for (const tenant of world.tenants)
    for (const [account, { sent, inForce, isByKey }] of tenant.signing)
      if (isByKey && sent !== inForce && !tenant.isRevoked) await connectByKey(act(tenant, account));
}

/** The owner's Rule for everything is gone; those for this service stay. */
export function withoutDefaultRule(account: Account): void {
  const rules = account.webhookRules === "forbidden" ? [] : (account.webhookRules ?? []);
  const others = rules.filter(({ matchType }) => matchType !== "DEFAULT");
  if (others.length > 0) account.webhookRules = others;
  else delete account.webhookRules;
}
