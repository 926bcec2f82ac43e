import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { openPayload } from "../../src/events/event.ts";
import { createVault } from "../../src/vault/vault.ts";
import { watchBatches } from "../support/statements.ts";

// A witness of every transaction: each event of this service's own says what its transaction did.

type NumberRow = { id: string; state: string; health_reasons: string; repaired_at: string | null };
type AccountRow = { id: string; api_key_id: string; account_sid: string; health_reasons: string };
type Pending = { id: string; type: string; lane: string; api_key_id: string; payload_sealed: string };
type Payload = { reasons?: string[]; reason?: string; twilio_sid?: string };
type Moment = { numbers: Map<string, NumberRow>; accounts: AccountRow[]; pending: Map<string, Pending> };

const SELECTS = [
  "SELECT id, state, health_reasons, repaired_at FROM phone_numbers",
  "SELECT id, api_key_id, account_sid, health_reasons FROM twilio_accounts",
  "SELECT id, type, lane, api_key_id, payload_sealed FROM pending_events",
];

const byId = <Row extends { id: string }>(rows: Row[]) => new Map(rows.map((row) => [row.id, row]));

function momentOf(results: readonly D1Result[]): Moment {
  const [numbers = [], accounts = [], pending = []] = results.map((result) => result.results);
  return {
    numbers: byId(numbers as NumberRow[]),
    accounts: accounts as AccountRow[],
    pending: byId(pending as Pending[]),
  };
}

const reasonsOf = (row: { health_reasons: string } | undefined): string[] =>
  JSON.parse(row?.health_reasons ?? "[]") as string[];

/** Whether an event says what has become of its number or account, and became so just then. */
function isTrue({ type, lane, api_key_id }: Pending, told: Payload, before: Moment, after: Moment): boolean {
  const [was, is] = [before.numbers.get(lane), after.numbers.get(lane)];
  const accountIn = ({ accounts }: Moment) =>
    accounts.find((account) => account.account_sid === told.twilio_sid && account.api_key_id === api_key_id);
  const begins = (reason: string) =>
    !reasonsOf(accountIn(before)).includes(reason) && reasonsOf(accountIn(after)).includes(reason);
  switch (type) {
    case "number.imported":
      return was?.state === "importing" && is?.state === "active";
    case "number.released":
      return was?.state === "releasing" && (is === undefined || is.state === "returning");
    case "number.drifted":
    case "number.missing":
      return (
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

/** Twilio told it, and the outbox did not take it. */
const isTwilios = ({ type }: Pending) => /^(?:call|sms|recording)\./.test(type);

export function startWitness() {
  const lies: string[] = [];
  /** The events of each number and agent, in the order of their transactions. */
  const told: { id: string; lane: string }[] = [];
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
      if (isTwilios(event)) continue;
      if (!isTrue(event, payload, before, after)) lies.push(`${event.type} ${JSON.stringify(payload)}`);
      told.push({ id: event.id, lane: event.lane });
    }
    return results.slice(SELECTS.length, -SELECTS.length);
  });
  return {
    end: () => watchBatches(undefined),
    /** Everything told was true, and what was received of one number came in the order in which it became true. */
    expectOrder(received: readonly Record<string, unknown>[]): void {
      expect(lies, "events that are not true").toEqual([]);
      const first = [...new Set(received.map(({ event_id }) => String(event_id)))];
      for (const [lane, events] of Map.groupBy(told, (event) => event.lane)) {
        const ids = events.map(({ id }) => id);
        const came = first.filter((id) => ids.includes(id));
        expect(came, `the order of ${lane}`).toEqual(ids.filter((id) => came.includes(id)));
      }
    },
  };
}
