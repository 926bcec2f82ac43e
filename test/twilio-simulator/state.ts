import type { ApiKey } from "./api-keys.ts";
import { Numbers } from "./numbers.ts";
import { createNumberResource, type NumberResource } from "./resource.ts";
import type { WebhookConfiguration } from "./webhook-rules.ts";

export type Account = {
  sid: string;
  /** The primary token: authenticates and signs webhooks. */
  authToken: string;
  /** Authenticates. Signs webhooks only after it is promoted. */
  secondaryAuthToken?: string;
  apiKeys?: ApiKey[];
  /** The parent account, if this is a subaccount. */
  ownerSid?: string;
  isSuspended?: boolean;
  /** How many requests may run at once; no limit if absent. */
  maxConcurrentRequests?: number;
  /** Whether ConversationRelay has been enabled; it has unless told. */
  hasConversationRelay?: boolean;
  /** Voices and languages that no provider of ConversationRelay has. */
  refusedVoices?: string[];
  /** The codes with which the next sessions fail, one each; an empty one is no code. */
  failingSessions?: string[];
  /** "Trial" or "Full". */
  type?: string;
  /** Its Webhook Rules. "forbidden": it may not use them. */
  webhookRules?: WebhookRule[] | "forbidden";
  /** What else it has of the Webhooks configuration API; `configurationOf` makes it. */
  webhooks?: WebhookConfiguration;
};

/**
 * How Twilio signs and sends the webhooks to some URLs: by its `settings`, or briefly by its `sharedKey`; without either
 * by the Auth Token, as ever. https://www.twilio.com/docs/usage/webhooks/webhook-rules
 */
export type WebhookRule = {
  id: string;
  friendlyName?: string;
  sharedKey?: SharedKey;
  settings?: SettingReference[];
  /** Until then Twilio sends as the rule was before; null: as if it were not there. */
  pending?: { until: number; before: WebhookRule | null };
} & (
  | { matchType: "EXACT_MATCH"; value: string }
  | { matchType: "PREFIX_MATCH"; prefix: string }
  | { matchType: "DEFAULT" }
);

/** The percentages of a rule's Settings sum to 100. */
export type SettingReference = { settingId: string; percentage: number };

export type SharedKey = { id: string; secret: string; algorithm: "HMAC_SHA1" | "HMAC_SHA256" };

/** A TwiML App: another place that configures who gets calls and texts. */
export type Application = {
  sid: string;
  voiceUrl: string;
  smsUrl: string;
};

export type MessagingService = {
  sid: string;
  inboundRequestUrl: string | null;
  useInboundWebhookOnNumber: boolean;
  numberSids: string[];
  /** Its numbers are registered for A2P 10DLC with it: carriers take only what goes through it. */
  hasCampaign: boolean;
  /** What Twilio says of its campaigns; by default VERIFIED of the one that it has. */
  campaigns?: (string | null)[];
  /** Smart Encoding, which Twilio turns on with a new service, puts plain characters for typographic ones. */
  hasSmartEncoding: boolean;
  /** Link Shortening. */
  shortensLinks: boolean;
  /** It sends by another of its numbers than the one that is asked for. */
  picksSender: boolean;
};

export const OPERATIONS = [
  "list",
  "fetch",
  "update",
  "release",
  "buy",
  "available",
  "account",
  "accounts",
  "services",
  "service_number",
  "service_numbers",
  "campaigns",
  "verifications",
  "routing",
  "webhook_rules",
  "webhook_settings",
  "webhook_shared_keys",
  "webhook_operations",
  "create_rule",
  "change_rule",
  "delete_rule",
  "create_setting",
  "change_setting",
  "delete_setting",
  "create_shared_key",
  "change_shared_key",
  "delete_shared_key",
  "test_webhook",
  "message",
  "messages",
  "call",
  "calls",
  "fetch_call",
  "update_call",
] as const;
export type Operation = (typeof OPERATIONS)[number];

/** A request to the simulated API, for tests to read. */
export type RecordedRequest = {
  operation: Operation;
  path: string;
  /** Form parameters of a write, query parameters of a read. */
  parameters: Record<string, string>;
  /** What was sent in JSON. */
  body?: unknown;
};

/** What Twilio knows. Plain data: tests read and change it directly, as the account's owner can do in the Console. */
export type State = {
  accounts: Map<string, Account>;
  numbers: Numbers;
  /** Numbers that can be bought. */
  available: string[];
  applications: Map<string, Application>;
  messagingServices: Map<string, MessagingService>;
  /**
   * The Region that handles a number's calls, by number. A number without an entry has no record, and US1 handles its
   * calls. All Regions share this map, and the requests.
   */
  voiceRegions: Map<string, string>;
  /** Toll-free verifications, the newest first. https://www.twilio.com/docs/messaging/api/tollfree-verification-resource */
  verifications: { tollfree_phone_number_sid: string; status: string }[];
  /** Texts that were sent by the REST API. */
  messages: { sid: string; from: string; to: string; body: string }[];
  /** Who has sent STOP and may not be texted. */
  optedOut: Set<string>;
  /** The same texts, with what becomes of them. */
  texts: (State["messages"][number] & {
    account_sid: string;
    messaging_service_sid: string | null;
    status: string;
    callback: string | undefined;
    date_created: string;
  })[];
  /** Calls that were placed by the REST API, the oldest first. */
  calls: PlacedCall[];
  /** The account of each recording, by its SID. */
  recordings: Map<string, string>;
  /** Numbers that nobody can call. */
  unreachable: Set<string>;
  /** What an update that ends a call shows of it; by default that it still runs. */
  hangUpAnswer?: "completed";
  requests: RecordedRequest[];
};

/** A call that was placed by the REST API, and what it was placed with. */
export type PlacedCall = {
  resource: CallResource;
  form: URLSearchParams;
  /** The document that an update of the call has put in place of the one that it performs. */
  redirectedTo: string | undefined;
};

/** Twilio's Call resource, as far as it is used. */
export type CallResource = {
  sid: string;
  account_sid: string;
  from: string;
  to: string;
  status: string;
  direction: string;
  answered_by: string | null;
  date_created: string;
  start_time: string | null;
  end_time: string | null;
  duration: string | null;
  api_version: string;
  parent_call_sid: string | null;
  phone_number_sid: string;
};

/** @param shared what another Region knows and this one does as well */
export function createState(
  shared?: Pick<State, "voiceRegions" | "requests" | "messages" | "unreachable" | "optedOut">,
): State {
  return {
    accounts: new Map(),
    numbers: new Numbers(),
    available: [],
    applications: new Map(),
    messagingServices: new Map(),
    verifications: [],
    voiceRegions: shared?.voiceRegions ?? new Map(),
    messages: shared?.messages ?? [],
    texts: [],
    calls: [],
    recordings: new Map(),
    unreachable: shared?.unreachable ?? new Set(),
    optedOut: shared?.optedOut ?? new Set(),
    requests: shared?.requests ?? [],
  };
}

export function addAccount(state: State, account: Partial<Account> = {}): Account {
  const added = { sid: newSid("AC"), authToken: randomHex(32), ...account };
  state.accounts.set(added.sid, added);
  return added;
}

export function addNumber(
  state: State,
  account: Account,
  fields: Partial<NumberResource> & Pick<NumberResource, "phone_number">,
): NumberResource {
  const number = createNumberResource({ account_sid: account.sid, sid: newSid("PN"), ...fields });
  state.numbers.set(number.sid, number);
  return number;
}

export function addApplication(state: State, application: Partial<Application> = {}): Application {
  const added = { sid: newSid("AP"), voiceUrl: "", smsUrl: "", ...application };
  state.applications.set(added.sid, added);
  return added;
}

export function addMessagingService(state: State, service: Partial<MessagingService> = {}): MessagingService {
  const added = {
    sid: newSid("MG"),
    inboundRequestUrl: null,
    useInboundWebhookOnNumber: false,
    numberSids: [],
    hasCampaign: false,
    hasSmartEncoding: true,
    shortensLinks: false,
    picksSender: false,
    ...service,
  };
  state.messagingServices.set(added.sid, added);
  return added;
}

/** The secondary token becomes the primary one. The old primary token stops working at once. */
export function promoteSecondaryToken(account: Account): void {
  if (!account.secondaryAuthToken) throw new Error("the account has no secondary token");
  account.authToken = account.secondaryAuthToken;
  delete account.secondaryAuthToken;
}

/** A SID such as `PN` and 32 hex characters. */
export function newSid(prefix: string): string {
  return prefix + randomHex(32);
}

function randomHex(length: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(length / 2));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
