import type { Services } from "../../services.ts";
import { type Attempt, type DeliveryError, isRetryable, MAX_ATTEMPTS, outcomeOf } from "../delivery.ts";
import type { SealedEvent } from "../event.ts";
import { createBacklog, type Entry, type Verdict } from "./backlog.ts";
import { afterFailure, stateOf } from "./circuit.ts";
import { deleteCircuit, readCircuits, writeCircuit } from "./circuit-store.ts";
import { createEndpoints } from "./endpoint-store.ts";
import { createFlights } from "./flights.ts";
import { createReceipts } from "./receipts.ts";
import { type Settings, writeWatermark } from "./schema.ts";
import * as store from "./store.ts";
import type { Report, Work } from "./work.ts";

/** How many attempts of one API key are under way at once, and how many of them to one URL. */
const MAX_IN_FLIGHT = 50;
const MAX_PER_URL = 40;
// Extra time for a Worker to report an attempt. After it the attempt counts as lost.
const LEASE_MS = 20_000;
// An event is given up after its five attempts, or if its circuit is still open after the 75 minutes that they take.
const GIVE_UP_MS = 76 * 60 * 1000;
/** How long nothing is attempted if D1 does not give what an attempt takes. */
export const POSTPONED_MS = 60_000;
// More than that stays in the database until some of it is done.
const MAX_LOADED = 20_000;
const WATERMARK_STEP = 100;

/** What an outbox has in memory: who waits, what is under way, which URLs are left alone. All of it can be read anew. */
export type Dispatcher = ReturnType<typeof createDispatcher>;

type Before = Pick<Report, "attemptsLeft" | "queuedAt">;
const beforeOf = (row: store.PendingRow): Before => ({
  attemptsLeft: row.attempts_left,
  queuedAt: row.queued_at,
});

export function createDispatcher(sql: SqlStorage, settings: Settings, services: Services) {
  const { apiKeyId } = settings;
  const { log, measure, delivery } = services;
  const now = () => services.now().getTime();
  const backlog = createBacklog();
  const flights = createFlights();
  const circuits = readCircuits(sql);
  const endpoints = createEndpoints(apiKeyId, services);
  const receipts = createReceipts(sql, now());
  let watermark = settings.watermark;
  let settledSince = 0;
  let pausedUntil = 0;
  let nextSeq = store.lastSeq(sql) + 1;
  let fresh = { upTo: watermark, hasMore: true };
  /** When an event is due that is not loaded yet; known here, so that no request asks the database. */
  let due: { upTo: number; next: number | null } = { upTo: 0, next: null };
  loadFresh();
  loadDue();

  /** Events whose first attempt was not made yet. */
  function loadFresh(): void {
    if (!fresh.hasMore || backlog.size() > MAX_LOADED / 2) return;
    const rows = store.findFresh(sql, fresh.upTo, MAX_LOADED);
    for (const { seq, agentId, lane } of rows) {
      if (!flights.has(seq)) backlog.add({ seq, agentId, lane, isFresh: true, isForced: false });
    }
    fresh = { upTo: rows.at(-1)?.seq ?? fresh.upTo, hasMore: rows.length === MAX_LOADED };
  }

  /** Events that are to be tried again, or were put off. */
  function loadDue(): void {
    const upTo = now();
    const rows = store.findDue(sql, upTo, MAX_LOADED);
    for (const { seq, agentId, lane } of rows) {
      if (!flights.has(seq)) backlog.add({ seq, agentId, lane, isFresh: false, isForced: false });
    }
    due = { upTo, next: rows.length === MAX_LOADED ? upTo : store.nextDueAt(sql, upTo) };
  }

  function expectDue(at: number): void {
    due.next = Math.min(at, due.next ?? at);
  }

  function verdictOf({ agentId, isForced }: Entry): Verdict {
    const endpoint = endpoints.of(agentId);
    if (!endpoint) return "wait";
    if (endpoint.refusal) return "give_up";
    const state = stateOf(circuits.get(endpoint.url), now());
    if (state === "open" && !isForced) return "put_off";
    const limit = state === "half_open" ? 1 : MAX_PER_URL;
    return flights.to(endpoint.url) < limit ? "attempt" : "wait";
  }

  function depart(entry: Entry): Work | undefined {
    const row = entry.row ?? store.findPending(sql, entry.seq);
    const endpoint = endpoints.of(entry.agentId);
    if (!row || !endpoint) return undefined;
    // It is read again if it comes back.
    entry.row = undefined;
    const { url, secretSealed, previousSecretSealed } = endpoint;
    flights.depart(entry, url, now() + delivery.timeoutMs + LEASE_MS);
    const { id, payload_sealed: payloadSealed } = row;
    const secrets = { secretSealed, previousSecretSealed };
    return { seq: entry.seq, id, apiKeyId, payloadSealed, url, ...beforeOf(row), ...secrets };
  }

  /** @returns false if the event is not any more as it was before the attempt */
  function settle(seq: number, id: string, before: Before, attempt: Attempt): boolean {
    const outcome = outcomeOf(attempt, before.attemptsLeft);
    const time = now();
    if (!store.recordAttempt(sql, seq, before, { attempt, outcome }, time)) return false;
    if (outcome.state === "pending") expectDue(time + outcome.delaySeconds * 1000);
    const { httpStatus: http_status, error, durationMs } = attempt;
    // A delivered event stands in the list of deliveries, and a line for each would cost more than anything else of it.
    if (outcome.state !== "delivered")
      log.info("event_attempt", { event_id: id, state: outcome.state, http_status, error });
    measure("event_attempt", [outcome.state, error ?? ""], [1, durationMs]);
    settledSince += 1;
    if (settledSince >= WATERMARK_STEP) moveWatermark();
    return true;
  }

  function moveWatermark(): void {
    settledSince = 0;
    const waiting = [...backlog.entries(), ...flights.entries()].filter(({ isFresh }) => isFresh);
    const upTo = waiting.reduce((lowest, { seq }) => Math.min(lowest, seq - 1), fresh.upTo);
    if (upTo === watermark) return;
    watermark = upTo;
    writeWatermark(sql, watermark);
  }

  /** What an attempt says of its URL. */
  function judge(url: string, attempt: Attempt): void {
    const circuit = circuits.get(url);
    if (isRetryable(attempt)) {
      const next = afterFailure(circuit, now());
      circuits.set(url, next);
      if (next.openUntil === null || next === circuit) return;
      writeCircuit(sql, url, next);
      log.warn("circuit_opened", { key_id: apiKeyId, failures: next.failures });
    } else if (circuit && attempt.httpStatus !== undefined) {
      circuits.delete(url);
      if (circuit.openUntil === null) return;
      deleteCircuit(sql, url);
      store.bringForward(sql, circuit.openUntil, now());
      loadDue();
      log.info("circuit_closed", { key_id: apiKeyId });
    }
  }

  function putOff(agentId: string): void {
    const until = circuits.get(endpoints.of(agentId)?.url ?? "")?.openUntil ?? now();
    const entries = [...backlog.entries()].filter((entry) => entry.agentId === agentId && !entry.isForced);
    const seqs = entries.map(({ seq }) => seq);
    for (const seq of seqs) backlog.remove(seq);
    const giveUp = { attempt: failed("circuit_open"), queuedBefore: now() - GIVE_UP_MS };
    const count = store.putOff(sql, seqs, until, giveUp);
    expectDue(until);
    if (count > 0) measure("event_attempt", ["failed", "circuit_open"], [count, 0]);
  }

  const failed = (error: DeliveryError): Attempt => ({ attemptedAt: services.now(), durationMs: 0, error });

  return {
    /** Writes events down, each once however often it comes. */
    accept(events: readonly SealedEvent[], isForced: boolean): void {
      for (const event of receipts.take(events, now())) {
        const time = now();
        const seq = Math.max(nextSeq, store.firstSeqAt(time));
        store.insertEvent(sql, event, seq, time);
        nextSeq = seq + 1;
        if (fresh.hasMore) continue;
        const { id, agentId, lane, payloadSealed: payload_sealed } = event;
        const row = { id, attempts_left: MAX_ATTEMPTS, queued_at: time, payload_sealed };
        backlog.add({ seq, agentId, lane, isFresh: true, isForced, row });
        fresh.upTo = seq;
      }
    },

    /** Makes an event pending again, whatever became of it. @returns its place; undefined if there is none */
    revive(id: string): number | undefined {
      const row = store.revive(sql, id, watermark, now());
      if (!row) return undefined;
      backlog.remove(row.seq);
      if (!flights.has(row.seq)) backlog.add({ ...row, isFresh: false, isForced: true });
      loadDue();
      return row.seq;
    },

    loadDue,

    forgetCircuits(): void {
      for (const url of circuits.keys()) deleteCircuit(sql, url);
      circuits.clear();
    },

    /** Hands out up to `limit` attempts to make now. */
    async take(limit: number): Promise<Work[]> {
      for (const entry of flights.expire(now())) {
        log.warn("attempt_lost", { key_id: apiKeyId });
        backlog.add(entry);
      }
      loadFresh();
      if (limit <= 0 || backlog.size() === 0 || now() < pausedUntil) return [];
      await endpoints.load(backlog.agents());
      const works: Work[] = [];
      // One at a time: each counts for the bounds of the next.
      for (let isOver = false; !isOver && works.length < limit && flights.size() < MAX_IN_FLIGHT; ) {
        const taken = backlog.take(flights.isBusy, verdictOf);
        for (const { seq, agentId } of taken.givenUp) {
          const row = store.findPending(sql, seq);
          const refusal = endpoints.of(agentId)?.refusal ?? "no_webhook_url";
          if (row) settle(seq, row.id, beforeOf(row), failed(refusal));
        }
        for (const agentId of taken.putOff) putOff(agentId);
        const work = taken.next && depart(taken.next);
        if (work) works.push(work);
        isOver = taken.next === undefined;
      }
      return works;
    },

    /** Takes in what came of an attempt. */
    report({ seq, id, attemptsLeft, queuedAt, url, attempt }: Report): void {
      const entry = flights.land(seq);
      if (!attempt) {
        pausedUntil = now() + POSTPONED_MS;
        if (entry) backlog.add(entry);
        return;
      }
      const isSettled = settle(seq, id, { attemptsLeft, queuedAt }, attempt);
      judge(url, attempt);
      const row = isSettled ? undefined : store.findPending(sql, seq);
      if (!row) {
        // After a restart of this object it may wait here again.
        backlog.remove(seq);
        return;
      }
      store.appendAttempt(sql, seq, attempt);
      if (row.queued_at !== queuedAt && entry) backlog.add(entry);
    },

    endpointsChanged: endpoints.clear,
    watermark: () => watermark,
    hasTaken: receipts.has,
    hasBacklog: () => backlog.size() > 0,
    isUnderWay: () => flights.size() > 0,
    nextDueAt: () => due.next,
  };
}
