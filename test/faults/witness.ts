import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { copyFor, type EventType, isOfKey, openPayload, type SealedEvent } from "../../src/events/event.ts";
import { createVault } from "../../src/vault/vault.ts";
import { watchBatches } from "../support/statements.ts";
import { twilio } from "../support/twilio.ts";

// A witness of every transaction: each event of this service's own says what its transaction did.

type NumberRow = {
  id: string;
  state: string;
  phone_number: string;
  api_key_id: string;
  health_reasons: string;
  repaired_at: string | null;
  agent_id: string | null;
  inbound_enabled: 0 | 1;
  drift_policy: string;
};
type AccountRow = { id: string; api_key_id: string; account_sid: string; health_reasons: string };
type LinkRow = { id: string; numbers: string; completed_at: string | null; locked_at: string | null };
type Pending = { id: string; type: string; lane: string; api_key_id: string; payload_sealed: string };
type Payload = {
  fields?: string[];
  reasons?: string[];
  reason?: string;
  twilio_sid?: string;
  phone_number?: string;
  twilio_number_sid?: string;
  name?: string;
  used?: number;
  limit?: number;
  connect_link_id?: string;
  phone_numbers?: string[];
};
type Key = { id: string; maxNumbers: number | null };
type Agent = { id: string; api_key_id: string };
type Moment = {
  numbers: Map<string, NumberRow>;
  accounts: AccountRow[];
  pending: Map<string, Pending>;
  keys: Key[];
  agents: Agent[];
  links: Map<string, LinkRow>;
};

const SELECTS = [
  "SELECT id, state, phone_number, api_key_id, health_reasons, repaired_at, agent_id, inbound_enabled, drift_policy FROM phone_numbers",
  "SELECT id, api_key_id, account_sid, health_reasons FROM twilio_accounts",
  "SELECT id, type, lane, api_key_id, payload_sealed FROM pending_events",
  "SELECT id, limits ->> '$.max_numbers' AS maxNumbers FROM api_keys",
  "SELECT id, api_key_id FROM agents",
  "SELECT id, numbers, completed_at, locked_at FROM connect_links",
];

const byId = <Row extends { id: string }>(rows: Row[]) => new Map(rows.map((row) => [row.id, row]));

function momentOf(results: readonly D1Result[]): Moment {
  const [numbers = [], accounts = [], pending = [], keys = [], agents = [], links = []] = results.map(
    (result) => result.results,
  );
  return {
    numbers: byId(numbers as NumberRow[]),
    accounts: accounts as AccountRow[],
    pending: byId(pending as Pending[]),
    keys: keys as Key[],
    agents: agents as Agent[],
    links: byId(links as LinkRow[]),
  };
}

const reasonsOf = (row: { health_reasons: string } | undefined): string[] =>
  JSON.parse(row?.health_reasons ?? "[]") as string[];

/** Its account no longer has the number. */
const isGone = ({ twilio_number_sid: sid }: Payload) => sid !== undefined && !twilio.state.numbers.has(sid);

/** How many numbers of a key count. */
const usedBy = ({ id }: Key, { numbers }: Moment) =>
  [...numbers.values()].filter(({ api_key_id, state }) => api_key_id === id && state !== "returning").length;

/** Whether an event says what has become of its number or account, and became so just then. */
function isTrue({ type, lane, api_key_id }: Pending, told: Payload, before: Moment, after: Moment): boolean {
  const [was, is] = [before.numbers.get(lane), after.numbers.get(lane)];
  const accountIn = ({ accounts }: Moment) =>
    accounts.find((account) => account.account_sid === told.twilio_sid && account.api_key_id === api_key_id);
  const begins = (reason: string) =>
    !reasonsOf(accountIn(before)).includes(reason) && reasonsOf(accountIn(after)).includes(reason);
  const [linkWas, linkIs] = [before, after].map(({ links }) => links.get(told.connect_link_id ?? ""));
  switch (type) {
    case "connect_link.completed":
      return (
        linkWas?.completed_at === null &&
        linkIs?.completed_at !== null &&
        linkIs?.numbers === JSON.stringify(told.phone_numbers)
      );
    case "connect_link.locked":
      return linkWas?.locked_at === null && linkIs?.locked_at !== null;
    case "number.imported":
      return was?.state === "importing" && is?.state === "active";
    case "number.changed":
      return (
        was?.state === "active" &&
        is?.state === "active" &&
        (["agent_id", "inbound_enabled", "drift_policy"] as const).every(
          (name) => told.fields?.includes(name) === (was[name] !== is[name]),
        )
      );
    case "number.released":
      return was?.state === "releasing" && (is === undefined || is.state === "returning");
    case "limit.near": {
      const key = after.keys.find(({ id }) => id === api_key_id);
      const active = ({ numbers }: Moment) =>
        [...numbers.values()].filter((one) => one.api_key_id === api_key_id && one.state === "active").length;
      return (
        told.name === "max_numbers" &&
        told.limit === key?.maxNumbers &&
        told.used === active(after) &&
        told.used > active(before)
      );
    }
    case "number.lost":
      return (
        was?.state === "active" &&
        is === undefined &&
        isGone(told) &&
        [...after.numbers.values()].some(
          (number) => number.phone_number === told.phone_number && number.api_key_id !== api_key_id,
        )
      );
    case "number.drifted":
    case "number.missing":
      return (
        (type === "number.drifted" || isGone(told)) &&
        was?.state === "active" &&
        is?.state === "active" &&
        was.health_reasons !== is.health_reasons &&
        told.reasons?.every((reason) => reasonsOf(is).includes(reason)) === true
      );
    case "number.repaired":
      return was?.state === "active" && is?.state === "active" && was.repaired_at !== is.repaired_at;
    case "credentials.rejected":
    case "signatures.refused":
      return begins(told.reason ?? "");
    default:
      return false;
  }
}

/** Twilio told it, or the call log what it has counted in a day, and no transaction of D1's. */
const isOfNoTransaction = (type: unknown, name: unknown) =>
  /^(?:call|sms|recording)\./.test(String(type)) || /_per_day$/.test(String(name));

export function startWitness() {
  const lies: string[] = [];
  /** The events of each number, agent and key, in the order of their transactions. */
  const told: Pending[] = [];
  /** Whose each agent is, or was. */
  const agents = new Map<string, string>();
  const vault = createVault(env.TOKEN_ENCRYPTION_KEYS);
  watchBatches(async (statements, batch) => {
    const selects = SELECTS.map((sql) => env.DB.prepare(sql));
    const results = await batch([...selects, ...statements, ...selects]);
    const [before, after] = [
      momentOf(results.slice(0, SELECTS.length)),
      momentOf(results.slice(-SELECTS.length)),
    ];
    for (const event of after.pending.values()) {
      if (before.pending.has(event.id)) continue;
      const payload = JSON.parse(await openPayload(vault, event.id, event.payload_sealed)) as Payload;
      if (isOfNoTransaction(event.type, payload.name)) continue;
      if (!isTrue(event, payload, before, after)) lies.push(`${event.type} ${JSON.stringify(payload)}`);
      told.push(event);
    }
    for (const { id, api_key_id } of after.agents) agents.set(id, api_key_id);
    for (const key of after.keys) {
      const used = usedBy(key, after);
      const isOver = key.maxNumbers !== null && used > key.maxNumbers && used > usedBy(key, before);
      if (isOver) lies.push(`${key.id} has ${used} numbers`);
    }
    return results.slice(SELECTS.length, -SELECTS.length);
  });
  /** What may be sent of an event: if it is of a key without a webhook_url of its own, a copy for each of its agents. */
  const sentOf = async ({ id, type, lane, api_key_id: apiKeyId, payload_sealed: payloadSealed }: Pending) => {
    const event = { id, lane, apiKeyId, payloadSealed } as SealedEvent;
    const own = isOfKey(type as EventType) ? [...agents].filter(([, key]) => key === apiKeyId) : [];
    return [event, ...(await Promise.all(own.map(([agentId]) => copyFor(agentId, event, vault))))];
  };
  return {
    end: () => watchBatches(undefined),
    /** Everything told was true, and what was received of one number came in the order in which it became true. */
    async expectOrder(received: readonly Record<string, unknown>[]): Promise<void> {
      expect(lies, "what is not true").toEqual([]);
      const sent = (await Promise.all(told.map(sentOf))).flat();
      const ids = sent.map(({ id }) => id);
      for (const { event, event_id, name } of received)
        if (!isOfNoTransaction(event, name)) expect(ids, `${event} is of a transaction`).toContain(event_id);
      const first = [...new Set(received.map(({ event_id }) => String(event_id)))];
      for (const [lane, events] of Map.groupBy(sent, (event) => event.lane)) {
        const ids = events.map(({ id }) => id);
        const came = first.filter((id) => ids.includes(id));
        expect(came, `the order of ${lane}`).toEqual(ids.filter((id) => came.includes(id)));
      }
    },
  };
}
