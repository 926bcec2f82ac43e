import { type ApiKey, addApiKey } from "../twilio-simulator/api-keys.ts";
import type { Account, SharedKey } from "../twilio-simulator/state.ts";
import { configurationOf } from "../twilio-simulator/webhook-rules.ts";
import { prepareImport } from "./import.ts";
import { keepSecret } from "./logs.ts";
import { BASE, createAgent, type Key, post } from "./worker.ts";

// A Twilio account that is connected by an API key, and whose webhooks a SharedKey signs.

export const ALLOWED = { ALLOW_API_KEYS: "true" };
export const ACCOUNTS = "/v1/twilio-accounts";

export type ShownAccount = {
  twilio_account_id: string;
  status: string;
  health: string;
  credential: string;
  signed_by: string;
  to_do: { step: string; request: string }[];
};

export const shown = async (response: Response) =>
  (await response.json<{ twilio_account: ShownAccount }>()).twilio_account;

let made = 0;

/** A SharedKey, which no log line may hold. */
export function sharedKey(algorithm: SharedKey["algorithm"] = "HMAC_SHA256"): SharedKey {
  made += 1;
  const key = { id: `webhooks_sharedkey_${made}`, secret: `a secret that signs ${made}`, algorithm };
  keepSecret(key.secret);
  return key;
}

export const credentialOf = (account: Account, { sid, secret }: ApiKey) => ({
  twilio_sid: account.sid,
  twilio_api_key_sid: sid,
  twilio_api_key_secret: secret,
});

export const signedBy = ({ id, secret }: SharedKey) => ({
  webhook_signing_key_id: id,
  webhook_signing_key: secret,
});

/** The account's Rule for what this service has of it, as its owner makes it at Twilio. */
export function ruleFor(account: Account, accountId: string, key: SharedKey): void {
  const prefix = `${BASE}/webhooks/twilio/${accountId}/`;
  const others = (account.webhookRules ?? []) as Exclude<Account["webhookRules"], "forbidden" | undefined>;
  account.webhookRules = [
    ...others.filter((rule) => !("prefix" in rule && rule.prefix === prefix)),
    { id: `rule_${accountId}`, matchType: "PREFIX_MATCH", prefix, sharedKey: key },
  ];
}

/**
 * Connects an account with a number by an API key.
 *
 * @param permissions of a Restricted one
 * @param keysMay whether the key may make what signs, so that this service does it
 */
export async function connectByKey({
  key,
  permissions,
  keysMay = false,
  agent,
}: {
  key?: Key;
  permissions?: string[];
  keysMay?: boolean;
  agent?: Record<string, unknown>;
} = {}) {
  const { body: sent, account, number, key: owner } = await prepareImport({}, key);
  const apiKey = addApiKey(account, permissions);
  keepSecret(apiKey.secret);
  configurationOf(account).keysMay = keysMay;
  const { twilio_token: _, ...body } = sent;
  if (agent) body.agent_id = await createAgent(owner, agent);
  const connect = (more: object = {}) =>
    post(ACCOUNTS, { ...credentialOf(account, apiKey), ...more }, { key: owner, env: ALLOWED });
  const response = await connect();
  if (response.status !== 201) throw new Error(await response.text());
  const first = await shown(response);
  return { key: owner, account, number, apiKey, body, connect, first, accountId: first.twilio_account_id };
}

/** The same, signed by a SharedKey, and its number imported. */
export async function haveImportedByKey(options: Parameters<typeof connectByKey>[0] = {}) {
  const connected = await connectByKey(options);
  const signing = sharedKey();
  await connected.connect(signedBy(signing));
  ruleFor(connected.account, connected.accountId, signing);
  const response = await post("/v1/phone-numbers", connected.body, { key: connected.key });
  if (response.status !== 201) throw new Error(await response.text());
  return { ...connected, signing };
}
