import { DurableObject } from "cloudflare:workers";
import { armAt, ring, stillRings } from "../alarms.ts";
import { readConfig } from "../config.ts";
import { createLogger } from "../http/log.ts";
import type { DailyLimits } from "../limits.ts";
import { keepTables } from "../objects.ts";
import { DAY_MS, HOUR_MS } from "../time.ts";
import { createVault } from "../vault/vault.ts";
import type { Kind, Taken } from "./allowance.ts";
import type { Attempt, Begun, FoundCall, Note } from "./attempt.ts";
import { deleteAttempt, findAttempt, findBrief, findOthers, noteAttempt } from "./attempts-store.ts";
import { beginAttempt } from "./begin.ts";
import {
  type CallFilter,
  type CallReport,
  isLive,
  type LoggedCall,
  type TextCounter,
  type UsageDay,
} from "./call.ts";
import * as calls from "./calls-store.ts";
import { tellNearLater } from "./near-later.ts";
import { resealCalls } from "./reseal.ts";
import { forgetOld, KEEP_CALLS_MS } from "./retention.ts";
import { TABLES } from "./schema.ts";
import { addToDay, countText, crowdOf, findDays, takeToday } from "./usage-store.ts";

// An object holds 10 GB. https://developers.cloudflare.com/durable-objects/platform/limits/
const MAX_BYTES = 8_000_000_000;
/** More than a call adds, and little enough to delete while it is written. */
const SHORTENED_BY = 100;
const SHORTENED = "shortened";
const UNLIMITED: DailyLimits = { calls_per_day: null, texts_per_day: null, model_turns_per_day: null };

/**
 * The calls and texts of one API key: those that it sends, from before anything is sent to Twilio, so that nothing is sent
 * twice under one id; a log of all calls, for 30 days; and usage by day, counted as it happens. Every method does the
 * same if it is called twice.
 */
export class CallLog extends DurableObject<Env> {
  readonly #sql: SqlStorage;
  #isWoken = false;
  #warnedAt = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    keepTables(this.#sql, TABLES);
  }

  /**
   * @param limit how many calls the key may have at once; null: no limit, such as for texts
   * @param daily whose log it is, and how much the key may use in a day
   */
  async begin(
    attempt: Attempt,
    limit: number | null,
    daily?: { apiKeyId: string; limits: DailyLimits },
  ): Promise<Begun> {
    const now = Date.now();
    this.#makeRoom({ key_id: daily?.apiKeyId }, now);
    const limits = daily?.limits ?? UNLIMITED;
    const begin = () => beginAttempt(this.#sql, attempt, limit, limits, now);
    const { begun, taken } = this.ctx.storage.transactionSync(begin);
    if (taken && daily) tellNearLater(daily.apiKeyId, taken, this.ctx, this.env);
    if (taken) await this.#wake();
    return begun;
  }

  /** Takes an answer of the model. Asked twice, it counts twice. @param repliesFrom the number that texts it */
  async take(
    apiKeyId: string,
    kind: Kind,
    limits: DailyLimits,
    repliesFrom: string | null = null,
  ): Promise<Taken> {
    const now = Date.now();
    const taken = this.ctx.storage.transactionSync((): Taken => {
      const crowd = repliesFrom === null ? null : crowdOf(this.#sql, repliesFrom, now);
      if (crowd) return { kind: "crowded", ...crowd };
      return takeToday(this.#sql, kind, limits, now);
    });
    tellNearLater(apiKeyId, taken, this.ctx, this.env);
    await this.#wake();
    return taken;
  }

  /** Tokens that the model has read and written. */
  async addTokens(count: number): Promise<void> {
    addToDay(this.#sql, Date.now(), { tokens: count });
    await this.#wake();
  }

  /** @returns whether the SID, if there is one, is this attempt's now */
  async note(id: string, note: Note): Promise<boolean> {
    return this.ctx.storage.transactionSync(() => {
      const now = Date.now();
      const isOurs = noteAttempt(this.#sql, id, note, now);
      const attempt = findAttempt(this.#sql, id);
      if (isOurs && attempt?.kind === "sms" && note.sid)
        countText(this.#sql, note.sid, attempt.externalId, "sent", now);
      return isOurs;
    });
  }

  /** Those of the SIDs that are certainly other attempts'. */
  async knownOf(id: string, sids: string[]): Promise<string[]> {
    return findOthers(this.#sql, id, sids);
  }

  /** The call that a webhook names; null if there is none. */
  async find(id: string): Promise<FoundCall | null> {
    return findBrief(this.#sql, id);
  }

  /** Twilio has certainly done nothing. */
  async forget(id: string): Promise<void> {
    const attempt = findAttempt(this.#sql, id);
    if (!attempt) return;
    this.ctx.storage.transactionSync(() => {
      deleteAttempt(this.#sql, id);
      addToDay(this.#sql, attempt.createdAt, { [attempt.kind === "call" ? "placed" : "texted"]: -1 });
    });
  }

  /**
   * Writes down what was told of a call.
   *
   * @param attemptId the attempt that placed it; null if somebody else did
   * @returns the call, if its runtime has reported what it was: what it reports from now on comes after this
   */
  async report(report: CallReport, attemptId: string | null): Promise<LoggedCall | null> {
    const now = Date.now();
    this.#makeRoom({ phone_number_id: report.phoneNumberId }, now);
    const call = this.ctx.storage.transactionSync(() => {
      const call = calls.putReport(this.#sql, report, attemptId, now);
      const id = attemptId ?? call?.attempt_id;
      const state = isLive(report.status) ? "live" : "ended";
      if (id) noteAttempt(this.#sql, id, { sid: report.callId, state }, now);
      return call;
    });
    await this.#wake();
    return call?.outcome_sealed ? call : null;
  }

  /** What the runtime of a call reports of it. */
  async putOutcome(callId: string, outcome: calls.SealedOutcome): Promise<LoggedCall | "closed" | null> {
    return calls.putOutcome(this.#sql, callId, outcome, Date.now());
  }

  /** A recording of a call is ready. @returns false if the call is not known yet */
  async recorded(callId: string, recordingSid: string): Promise<boolean> {
    return calls.putRecording(this.#sql, callId, recordingSid);
  }

  /** A page of calls, newest first, and how many there are in all. */
  async list(
    filter: CallFilter,
    page: { limit: number; offset: number },
  ): Promise<{ calls: LoggedCall[]; count: number }> {
    return calls.listCalls(this.#sql, filter, page, Date.now());
  }

  async get(callId: string): Promise<LoggedCall | null> {
    return calls.getCall(this.#sql, callId);
  }

  /** Deletes a call that has ended. */
  async remove(callId: string): Promise<void> {
    this.ctx.storage.transactionSync(() => {
      const call = calls.getCall(this.#sql, callId);
      if (call) calls.deleteCall(this.#sql, call, Date.now());
    });
  }

  /** Counts a text, once. @param externalId of the number */
  async countText(sid: string, counter: TextCounter, externalId: string | null = null): Promise<void> {
    this.ctx.storage.transactionSync(() => countText(this.#sql, sid, externalId, counter, Date.now()));
    await this.#wake();
  }

  /** The days with anything in them; see {@link findDays}. */
  async usage(since: string, until: string, externalId?: string): Promise<UsageDay[]> {
    return findDays(this.#sql, since, until, Date.now(), externalId);
  }

  /** Until when calls are missing, in milliseconds, because the log was full; null if all of 30 days are there. */
  async shortened(): Promise<number | null> {
    const until = this.ctx.storage.kv.get<number>(SHORTENED) ?? 0;
    return until > Date.now() - KEEP_CALLS_MS ? until : null;
  }

  /** Deletes everything. */
  async erase(): Promise<void> {
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
    this.#isWoken = false;
    keepTables(this.#sql, TABLES);
  }

  /**
   * Seals anew what other keys than the first sealed, in up to `limit` calls behind a place. What was placed lives a day
   * only, and is not sealed anew.
   *
   * @returns how many were sealed anew, and the place of the last one that was looked at; null if there are no more
   */
  reseal(after: number, limit: number): Promise<{ found: number; position: number | null }> {
    return resealCalls(this.#sql, createVault(readConfig(this.env).tokenEncryptionKeys), after, limit);
  }

  override alarm(info?: AlarmInvocationInfo): Promise<void> {
    this.#isWoken = false;
    return ring(this.ctx.storage, "call_log", info, () => this.#forgetOld());
  }

  async #forgetOld(): Promise<void> {
    const { hasMore, isEmpty } = this.ctx.storage.transactionSync(() => forgetOld(this.#sql, Date.now()));
    if (isEmpty) return this.erase();
    await this.#wake(hasMore ? 0 : DAY_MS);
  }

  /** A full object takes nothing: before that the oldest calls go, and whoever looks is told. */
  #makeRoom(about: object, now: number): void {
    if (this.#sql.databaseSize < MAX_BYTES) return;
    const until = calls.timeOf(calls.forgetCalls(this.#sql, now, SHORTENED_BY).at(-1) ?? 0);
    if (until > 0) this.ctx.storage.kv.put(SHORTENED, until);
    if (now - this.#warnedAt < HOUR_MS) return;
    this.#warnedAt = now;
    createLogger({ object: "call_log" }).warn("log_shortened", { ...about, until });
  }

  /** Sees to it that the alarm rings within a day. */
  async #wake(inMs = DAY_MS): Promise<void> {
    if (this.#isWoken) return;
    const { storage } = this.ctx;
    if (!stillRings(await storage.getAlarm())) await armAt(storage, Date.now() + inMs);
    this.#isWoken = true;
  }
}
