import { env } from "cloudflare:workers";
import { createApiKey } from "../../src/api-keys/api-key.ts";
import { INSERT_API_KEY } from "../../src/api-keys/store.ts";
import { newId } from "../../src/ids.ts";
import type { Channel } from "../../src/phone-numbers/channels.ts";
import type { DriftPolicy } from "../../src/phone-numbers/health.ts";
import { CALL_LOGS, OUTBOXES, SEALED_COLUMNS } from "../../src/rotation/columns.ts";
import { type Customer, startCustomer } from "../support/customer.ts";
import { keepSecret } from "../support/logs.ts";
import { twilio } from "../support/twilio.ts";
import type { Key } from "../support/worker.ts";
import type { NumberResource } from "../twilio-simulator/resource.ts";
import { type Account, addAccount, addNumber } from "../twilio-simulator/state.ts";
import type { Signing } from "./credentials.ts";

// Two tenants, two Twilio accounts that both know, four numbers; and what the world outside believes of them.

/** `words` is what its callers hear, and no other's. */
export type Agent = { id: string; words: string; hasWebhook: boolean; isDeleted: boolean };

export type Tenant = {
  key: Key;
  isRevoked: boolean;
  /** The first tells a server of the customer's, the second nobody. */
  agents: [Agent, Agent];
  /** Accounts whose Auth Token was replaced since this tenant told its own. */
  outdated: Set<Account>;
  signing: Map<Account, Signing>;
  /** What the operator set, the last one last; and how much it has sent, at least and at most. */
  limits: { maxNumbers: number | null; textsPerDay: number | null }[];
  texts: { sent: number; tried: number };
};

export type Belief = {
  /** The channels that anybody has ever asked for: the fields of any other are what its owner set last, and nothing else. */
  wanted: Set<Channel>;
  /** What its holder was last told of; undefined: nobody can know. */
  channels: readonly Channel[] | undefined;
  sid: string;
  phoneNumber: string;
  account: Account;
  /** Every value its owner ever gave a field, the last one last. Nothing else but our webhooks may ever stand there. */
  owned: Partial<NumberResource>[];
  /** Its owner changed it while it was ours: what it has afterwards is one of the owner's values. */
  isContested: boolean;
  /** Who was told that it is theirs; null: whoever had it was told that it is gone; undefined: nobody can know. */
  holder: Tenant | null | undefined;
  /** How often it was imported. A release that meets an import may have come before it or after it. */
  imports: number;
  /** The agent its holder was last told of; undefined: nobody can know. Where it was deleted since, it is routed to nobody. */
  agent: Agent | undefined;
  /** What its owner set after its holder's key was revoked: nobody may set it otherwise while it stays with that key. */
  kept: Partial<NumberResource>;
  /** What its holder was last told of its drift policy; undefined: nobody can know. */
  policy: DriftPolicy | undefined;
};

/** A text that Twilio was told is taken in. */
export type Text = {
  sid: string;
  /** Who is to be told; null: nobody; undefined: nobody can know. */
  agent: Agent | null | undefined;
};

export type World = {
  tenants: Tenant[];
  accounts: [Account, Account];
  beliefs: Belief[];
  texts: Text[];
  customer: Customer;
  /** Twilio accounts that have signed by a key of their owner's, and those whose Auth Token was replaced. */
  ruled: Set<string>;
  rotated: Set<string>;
  /** Accounts here that have certainly got a request of Twilio's, after everything. */
  heard: Set<string>;
};

const FIELDS = [
  "voice_url",
  "voice_fallback_url",
  "sms_url",
  "sms_fallback_url",
  "status_callback",
  "trunk_sid",
] as const;

/** The fields an owner has an interest in, unset ones alike. */
export function configuration(number: NumberResource): Record<(typeof FIELDS)[number], string> {
  return Object.fromEntries(FIELDS.map((field) => [field, number[field] ?? ""])) as ReturnType<
    typeof configuration
  >;
}

type Configuration = ReturnType<typeof configuration>;

/** The part of a configuration that belongs to some channels. */
export function ofChannels(of: Partial<Configuration>, channels: readonly Channel[]): Partial<Configuration> {
  const isIts = (name: string) => channels.includes(name.startsWith("sms_") ? "sms" : "voice");
  return Object.fromEntries(Object.entries(of).filter(([name]) => isIts(name)));
}

export async function createWorld(): Promise<World> {
  const customer = startCustomer();
  const accounts: World["accounts"] = [addAccount(twilio.state), addAccount(twilio.state)];
  const tenants = await createTenants(2, customer);
  const beliefs = [0, 1, 2, 3].map((index): Belief => {
    const account = accounts[index % 2] as Account;
    const number = addNumber(twilio.state, account, {
      phone_number: `+1500555000${index}`,
      voice_url: index === 0 ? null : `https://owner.example/voice?n=${index}`,
      voice_fallback_url: index === 3 ? "https://owner.example/voice-fallback" : null,
      sms_url: index === 2 ? "" : `https://owner.example/sms/${index}`,
      trunk_sid: index === 1 ? `TK${"1".repeat(32)}` : null,
    });
    const { sid, phone_number: phoneNumber } = number;
    const owned = [configuration(number)];
    return {
      sid,
      phoneNumber,
      account,
      owned,
      isContested: false,
      holder: null,
      imports: 0,
      agent: undefined,
      kept: {},
      policy: undefined,
      wanted: new Set(),
      channels: undefined,
    };
  });
  const [ruled, rotated, heard] = [new Set<string>(), new Set<string>(), new Set<string>()];
  return { tenants, accounts, beliefs, texts: [], customer, ruled, rotated, heard };
}

/**
 * Keys and agents as their requests would leave them, in one trip: a world is made for each history. Sealed anew is
 * nothing, as if the cron had been through all columns.
 */
async function createTenants(count: number, { url }: Customer): Promise<Tenant[]> {
  const time = new Date().toISOString();
  const keys = await Promise.all(Array.from({ length: count }, () => createApiKey("test", new Date())));
  const tenants = keys.map(({ keyId, keySecret }): Tenant => {
    keepSecret(keySecret);
    const key = { key_id: keyId, key_secret: keySecret };
    return {
      key,
      isRevoked: false,
      agents: [newAgent(true), newAgent(false)],
      outdated: new Set(),
      signing: new Map(),
      limits: [],
      texts: { sent: 0, tried: 0 },
    };
  });
  const insertProgress = env.DB.prepare(
    "INSERT INTO reseal_progress (column_name, key_id, position, found, done_at, canary) VALUES (?1, 'test', '[]', 0, ?2, 'x')",
  );
  await env.DB.batch([
    ...keys.flatMap(({ row: { id, name, created_at, secret_id, secret_hash } }) => [
      env.DB.prepare(INSERT_API_KEY[0]).bind(id, name, created_at),
      env.DB.prepare(INSERT_API_KEY[1]).bind(id, name, created_at, secret_id, secret_hash),
    ]),
    ...tenants.flatMap((tenant) => tenant.agents.map((agent) => insertAgent(tenant, agent, url))),
    ...SEALED_COLUMNS.map(({ table, column }) => insertProgress.bind(`${table}.${column}`, time)),
    ...[OUTBOXES, CALL_LOGS].map((name) => insertProgress.bind(name, time)),
  ]);
  return tenants;
}

function newAgent(hasWebhook: boolean): Agent {
  const id = newId("agent");
  return { id, words: `This is ${id}.`, hasWebhook, isDeleted: false };
}

function insertAgent({ key }: Tenant, { id, words, hasWebhook }: Agent, url: string): D1PreparedStatement {
  return env.DB.prepare(
    `INSERT INTO agents (id, api_key_id, name, welcome_message, language, is_active, webhook_url, created_at, updated_at)
     VALUES (?1, ?2, 'Receptionist', ?3, 'en', 1, ?4, ?5, ?5)`,
  ).bind(id, key.key_id, words, hasWebhook ? url : null, new Date().toISOString());
}

/** One of a tenant's agents is gone, and another is in its place. */
export async function replaceAgent(tenant: Tenant, agent: Agent, { url }: Customer): Promise<void> {
  agent.isDeleted = true;
  const successor = newAgent(agent.hasWebhook);
  await insertAgent(tenant, successor, url).run();
  tenant.agents = tenant.agents.map((other) => (other === agent ? successor : other)) as Tenant["agents"];
}

export const path = ({ phoneNumber }: Belief) => `/v1/phone-numbers/${encodeURIComponent(phoneNumber)}`;

/** The number as Twilio has it now. */
export function numberOf({ sid }: Belief): NumberResource {
  return twilio.state.numbers.get(sid) as NumberResource;
}

type Row = {
  id: string;
  api_key_id: string;
  state: string;
  lease_expires_at: string | null;
  account_sid: string;
  channels: string;
  changing_channel: string | null;
};

/** The number as it is stored. */
export function rowOf({ phoneNumber }: Belief): Promise<Row | null> {
  return env.DB.prepare(
    `SELECT n.id, n.api_key_id, n.state, n.lease_expires_at, t.account_sid, n.channels, n.changing_channel
     FROM phone_numbers n JOIN twilio_accounts t ON t.id = n.twilio_account_id WHERE n.phone_number = ?1`,
  )
    .bind(phoneNumber)
    .first<Row>();
}
