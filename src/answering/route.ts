import { connectOf, dialledBy } from "../agents/connect.ts";
import type { Connect } from "../agents/connect-schema.ts";
import type { Variables } from "../agents/fill.ts";
import type { Voicemail } from "../call-log/attempt.ts";
import type { EventNumber } from "../events/event.ts";
import type { BaseServices } from "../http/base-services.ts";
import { type Limits, limitsOf } from "../limits.ts";
import type { Channel } from "../phone-numbers/channels.ts";
import {
  type Metadata,
  metadataOf,
  type Settings,
  type Speaking,
  settingsOf,
  speakingOf,
} from "../phone-numbers/settings.ts";
import { refusedOf } from "../twilio/country.ts";
import type { Signers } from "../twilio-accounts/credential.ts";
import type { SignatureReason } from "../twilio-accounts/health.ts";
import type { AccountKey } from "../twilio-accounts/row.ts";
import { VaultError } from "../vault/vault.ts";
import type { RouteRow } from "./route-store.ts";

/** The agent behind a number, with what the number has of its own, as far as calls and texts need it. */
export type InboundAgent = Speaking & {
  id: string;
  isActive: boolean;
  connect: Connect | null;
  hasWebhook: boolean;
  /** What is left on the callee's answering machine by a placed call. */
  voicemailMessage?: string | null;
};

/** A call that this service has placed. */
export type PlacedCall = {
  id: string;
  /** The callee. */
  to: string;
  /** What this call begins with, if it says so. */
  welcomeMessage: string | null;
  voicemail: Voicemail | null;
};

/** Where the calls and texts of a number go. */
export type InboundRoute = {
  phoneNumberId: string;
  phoneNumber: string;
  apiKeyId: string;
  /** The number's Twilio account: its id here. */
  accountId: string;
  accountSid: string;
  region: string;
  inboundEnabled: boolean;
  /** What it has taken over of what comes in. */
  channels: readonly Channel[];
  /** The last time of a call or text that this isolate knows to be stored; one for the cached route and its copies. */
  lastInbound: { at: string | null };
  /** When the account's token was last replaced. */
  tokenChangedAt: string | null;
  /** When Twilio last refused ConversationRelay to the account. */
  relayRefusedAt: string | null;
  /** What is wrong with the account, as JSON. */
  accountReasons: string;
  externalId: string | null;
  label: string | null;
  metadata: Metadata | null;
  connectLinkId: string | null;
  /** What stands for the names in its agent's texts. */
  dynamicVars: Variables;
  /** null: the number has no agent. */
  agent: InboundAgent | null;
  limits: Limits;
  /** Whom the agent would put calls through to, though the key may not call there. */
  refused: readonly string[];
  /** As it is stored, for a customer who is asked first. */
  row: RouteRow;
  /** The customer has said that this call is not taken. */
  reject?: "busy" | "rejected" | undefined;
  /** The call that the request is about, if this service has placed it. */
  outbound?: PlacedCall;
};

/** A route, and the keys that may have signed Twilio's requests about it, the most likely first. */
export type TrustedRoute = InboundRoute & Pick<Signers, "mayReturn" | "current"> & { keys: CryptoKey[] };

/** Whether the request that found the route was verified: it is not if no token can be opened. */
export const isVerified = (route: InboundRoute): boolean => "keys" in route;

export type RouteServices = BaseServices & {
  /** @throws ApiError `rate_limit_exceeded` if there were too many within the minute */
  count: (key: string) => Promise<void>;
  /** Called for each request that is not signed with a key of the route it names. */
  onRefused: (route: InboundRoute, reason: SignatureReason) => void;
};

/** No request about this route can be verified: its tokens cannot be opened. */
export class UntrustedRoute extends VaultError {
  readonly route: InboundRoute;

  constructor(route: InboundRoute, cause: unknown) {
    super("the tokens of this route do not open", { cause });
    this.route = route;
  }
}

export async function routeOf(id: string, row: RouteRow, defaults: Limits): Promise<InboundRoute> {
  const own = settingsOf(row.settings);
  const agent = row.agent_id === null ? null : agentOf(row.agent_id, row, own);
  const limits = limitsOf(row, defaults);
  const dialled = agent ? dialledBy({ ...agent, ...agent.talk }) : [];
  return {
    row,
    phoneNumberId: id,
    phoneNumber: row.phone_number,
    apiKeyId: row.api_key_id,
    accountId: row.twilio_account_id,
    accountSid: row.account_sid,
    region: row.region,
    inboundEnabled: row.inbound_enabled === 1,
    channels: JSON.parse(row.channels) as Channel[],
    lastInbound: { at: row.last_inbound_at },
    tokenChangedAt: row.auth_token_changed_at,
    relayRefusedAt: row.relay_refused_at,
    accountReasons: row.account_reasons,
    externalId: row.external_id,
    label: row.label,
    metadata: metadataOf(row.metadata),
    connectLinkId: row.connect_link_id,
    dynamicVars: own.dynamic_vars ?? {},
    agent,
    limits,
    refused: [...(await refusedOf(dialled, limits.allowed_countries)).keys()],
  };
}

export function numberOfRoute(route: InboundRoute): EventNumber {
  const { phoneNumberId: id, phoneNumber, externalId, label, metadata, connectLinkId } = route;
  return { id, phoneNumber, externalId, label, metadata, connectLinkId };
}

/** The route for what comes in on a channel. If that is not taken over, the number has no agent for it. */
export function onChannel<Route extends InboundRoute>(route: Route, channel: Channel): Route {
  return route.outbound || route.channels.includes(channel) ? route : { ...route, agent: null };
}

export function accountOfRoute({ accountId, apiKeyId, accountSid, region }: InboundRoute): AccountKey {
  return { id: accountId, apiKeyId, accountSid, region };
}

/** The JSON was validated when the agent was written. */
function agentOf(id: string, row: RouteRow, own: Settings): InboundAgent {
  return {
    id,
    isActive: row.is_active === 1,
    connect: connectOf(row.connect),
    hasWebhook: row.webhook_url !== null,
    ...speakingOf(row, own),
  };
}
