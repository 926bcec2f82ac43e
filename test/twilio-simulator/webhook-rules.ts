import { sign } from "../../src/twilio/signature.ts";
import type { Account, SharedKey, WebhookRule } from "./state.ts";

// How Twilio signs and sends a webhook, by the Webhook Rules of the account.
// https://www.twilio.com/docs/usage/webhooks/webhook-rules

export type Resource = { id: string; friendlyName: string; createdAt: string; updatedAt: string };

export type SharedKeyResource = Resource & { secret: string };
export type SettingResource = Resource & {
  type: "CUSTOMER";
  auth: { source: string; value?: { scheme: string } };
  signature?: { type: string; sharedKeyId: string; algorithm: "HMAC_SHA1" | "HMAC_SHA256" };
  connection?: Connection;
};
export type Connection = {
  connectTimeoutMs: number;
  readTimeoutMs: number;
  totalTimeoutMs?: number;
  retryPolicy?: { retryCount: number; retryOn: string[] };
};
export type OperationResource = { id: string; resourceId: string; createdAt: string; completesAt: number };

/** The configuration of an account, and what nobody has seen yet, to be set as a test needs it. */
export type WebhookConfiguration = {
  sharedKeys: SharedKeyResource[];
  settings: SettingResource[];
  operations: OperationResource[];
  /** Deleted rules, which Twilio still applies for a while. */
  leaving: WebhookRule[];
  /** How many webhooks it has sent by a rule; shares the traffic by percentage. */
  sent: number;
  /** "A rule write is saved immediately, but it doesn't take effect until it propagates": 30 to 60 seconds. */
  propagationMs: number;
  /** Settings and SharedKeys take as long, "but they create no Operation". https://www.twilio.com/docs/usage/webhooks/webhook-operations */
  settingMs: number;
  /** An operation that never ends well. https://www.twilio.com/docs/usage/webhooks/webhook-operations */
  fate?: "FAILED" | "CANCELLED";
  /** twilio-node sends only a name; https://www.twilio.com/docs/api/errors/59000 says that `type` is required. */
  sharedKeyType: "unknown" | "required";
  /** Whether a Setting may have no authentication beside its signature. */
  schemeNone: "taken" | "refused";
  /** Whether API keys may use this API at all. */
  keysMay: boolean;
  /** Whether the handshake of a WebSocket follows a rule for the same https address. */
  socketFollowsRule: boolean;
};

export function configurationOf(account: Account): WebhookConfiguration {
  account.webhooks ??= {
    sharedKeys: [],
    settings: [],
    operations: [],
    leaving: [],
    sent: 0,
    propagationMs: 45_000,
    settingMs: 60_000,
    sharedKeyType: "unknown",
    schemeNone: "taken",
    keysMay: true,
    socketFollowsRule: true,
  };
  return account.webhooks;
}

/** The rules by which Twilio sends webhooks at this moment: what was changed a moment ago counts later. */
export function rulesInForce({ webhookRules, webhooks }: Account): WebhookRule[] {
  if (webhookRules === "forbidden") return [];
  const now = Date.now();
  const isPending = ({ pending }: WebhookRule) => pending !== undefined && now < pending.until;
  const saved = (webhookRules ?? []).flatMap((rule) =>
    isPending(rule) ? (rule.pending?.before ?? []) : [rule],
  );
  return [...saved, ...(webhooks?.leaving ?? []).filter(isPending)];
}

/** The Setting's key, if it signs by one. */
export function keyOf(account: Account, { signature }: SettingResource): SharedKey | undefined {
  const key = configurationOf(account).sharedKeys.find(({ id }) => id === signature?.sharedKeyId);
  return key && signature && { id: key.id, secret: key.secret, algorithm: signature.algorithm };
}

/**
 * Who signs the webhook to this URL, and how it is sent. Exact rules come before prefixes, the longest first, and the
 * default one is last. Two Settings of one rule share what is sent.
 */
export function appliedTo(
  account: Account,
  url: string,
): { key?: SharedKey; connection?: Connection | null } {
  const pattern = (rule: WebhookRule) =>
    rule.matchType === "PREFIX_MATCH" ? rule.prefix : rule.matchType === "EXACT_MATCH" ? rule.value : "";
  const kinds = ["EXACT_MATCH", "PREFIX_MATCH", "DEFAULT"];
  const [rule] = rulesInForce(account)
    .filter((one) => (one.matchType === "EXACT_MATCH" ? url === one.value : url.startsWith(pattern(one))))
    .sort(
      (a, b) =>
        kinds.indexOf(a.matchType) - kinds.indexOf(b.matchType) || pattern(b).length - pattern(a).length,
    );
  if (!rule?.settings?.length) return rule?.sharedKey ? { key: rule.sharedKey } : {};
  const configuration = configurationOf(account);
  const share = (configuration.sent * 37) % 100;
  configuration.sent += 1;
  const [first, second] = rule.settings;
  const reference = share < (first?.percentage ?? 100) ? first : second;
  const setting = configuration.settings.find(({ id }) => id === reference?.settingId);
  // "Without one, Twilio sends the webhook with no Setting applied."
  if (!setting || Date.now() - Date.parse(setting.createdAt) < configuration.settingMs) return {};
  const key = keyOf(account, setting);
  return { ...(key && { key }), connection: setting.connection ?? null };
}

/** The headers of a request that this key has signed, or the Auth Token. @param form what is signed with the URL */
export async function signed(
  { authToken }: Account,
  key: SharedKey | undefined,
  url: string,
  form = new URLSearchParams(),
): Promise<Record<string, string>> {
  return {
    "x-twilio-signature": await sign(key?.secret ?? authToken, url, form, key?.algorithm),
    ...(key && { "x-twilio-webhooks-signature-settings": `key=${key.id},algorithm=${key.algorithm}` }),
  };
}

/** The headers of the handshake of a WebSocket: it is open whether that follows the rule of the same https address. */
export function signedHandshake(account: Account, url: string): Promise<Record<string, string>> {
  const follows = configurationOf(account).socketFollowsRule;
  const key = follows ? appliedTo(account, url.replace(/^ws/, "http")).key : undefined;
  return signed(account, key, url);
}
