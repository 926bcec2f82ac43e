import { DurableObject } from "cloudflare:workers";
import { armAt, ring, stillRings } from "../alarms.ts";
import { readConfig } from "../config.ts";
import { begunOf, type DailyLimits } from "../limits.ts";
import { keepTables } from "../objects.ts";
import type { Moved, Place } from "../parts.ts";
import { DAY_MS } from "../time.ts";
import { createVault } from "../vault/vault.ts";
import type { Kind, LaterTurns, Taken } from "./allowance.ts";
import type { Attempt, Begun, FoundCall, Note } from "./attempt.ts";
import { findBrief, findOthers, noteAttempt } from "./attempts-store.ts";
import { beginAttempt, forgetAttempt, noteOfUs } from "./begin.ts";
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
import { forgetOld, removeCall } from "./retention.ts";
import { createLogRoom } from "./room.ts";
import { TABLES } from "./schema.ts";
import { createSplit } from "./split.ts";
import { eraseWithTranscripts, hasTranscripts, moveTranscripts } from "./transcripts.ts";
import { addTokens, countText, crowdOf, findDays, isCounted, takeToday } from "./usage-store.ts";

/**
 * The calls and texts of one API key: those that it sends, from before anything is sent to Twilio, so that nothing is sent
 * twice under one id; a log of all calls, for 30 days; and usage by day, counted as it happens. Every method does the
 * same if it is called twice.
 */
export class CallLog extends DurableObject<Env> {
  readonly #sql = this.ctx.storage.sql;
  #isWoken = false;
  /** Answers of the model in calls that run, which are written at their ends: they count towards the limit until then. */
  #begunTurns = 0;
  readonly #split = createSplit(this.ctx.storage);
  readonly #room = createLogRoom(this.ctx.storage);

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    keepTables(this.#sql, TABLES);
  }

  /** The key's log is split into so many parts. */
  async split(parts: number): Promise<void> {
    this.#split.learn(parts);
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
    this.#room.make({ key_id: daily?.apiKeyId }, now);
    const begin = () => beginAttempt(this.#sql, attempt, limit, daily?.limits, now);
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
      return crowd
        ? { kind: "crowded", ...crowd }
        : takeToday(this.#sql, kind, limits, now, { ahead: this.#begunTurns });
    });
    tellNearLater(apiKeyId, taken, this.ctx, this.env);
    await this.#wake();
    return taken;
  }

  async beginTurns(count: number): Promise<void> {
    this.#begunTurns += count;
  }

  /** Tokens that the model has read and written. */
  async addTokens(count: number, call?: LaterTurns): Promise<void> {
    this.#begunTurns = Math.max(0, this.#begunTurns - begunOf(call?.turns ?? 0));
    const taken = addTokens(this.#sql, count, call, Date.now());
    if (call && taken) tellNearLater(call.apiKeyId, taken, this.ctx, this.env);
    await this.#wake();
  }

  /** @returns whether the SID, if there is one, is this attempt's now */
  async note(id: string, note: Note): Promise<boolean> {
    return this.ctx.storage.transactionSync(() => noteOfUs(this.#sql, id, note, Date.now()));
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
    this.ctx.storage.transactionSync(() => forgetAttempt(this.#sql, id));
  }

  /**
   * Writes down what was told of a call.
   *
   * @param attemptId the attempt that placed it; null if somebody else did
   * @param place where the caller believes that it belongs
   * @returns the call, if its runtime has reported what it was: what it reports from now on comes after this
   */
  async report(
    report: CallReport,
    attemptId: string | null,
    place?: Place,
  ): Promise<LoggedCall | Moved | null> {
    const now = Date.now();
    const elsewhere = this.#split.movedOf(report.callId, place);
    const moved = elsewhere && !calls.isKnown(this.#sql, report.callId) ? elsewhere : null;
    if (!moved) this.#room.make({ phone_number_id: report.phoneNumberId }, now);
    const call = this.ctx.storage.transactionSync(() => {
      const call = moved ? null : calls.putReport(this.#sql, report, attemptId, now);
      const id = attemptId ?? call?.attempt_id;
      const state = isLive(report.status) ? "live" : "ended";
      if (id) noteAttempt(this.#sql, id, { sid: report.callId, state }, now);
      return call;
    });
    if (moved) return moved;
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
    upTo?: number,
  ): Promise<{ calls: LoggedCall[]; count: number }> {
    return calls.listCalls(this.ctx.storage, filter, { ...page, upTo }, Date.now());
  }

  async placesAt(filter: CallFilter, offsets: number[]): Promise<(number | null)[]> {
    return calls.placesAt(this.#sql, filter, offsets, Date.now());
  }

  async countBefore(filter: CallFilter, seq: number): Promise<number> {
    return calls.countBefore(this.#sql, filter, seq, Date.now());
  }

  async get(callId: string): Promise<LoggedCall | null> {
    return calls.getCall(this.#sql, callId);
  }

  /** Deletes a call that has ended. */
  async remove(callId: string): Promise<void> {
    if (removeCall(this.ctx.storage, callId, Date.now())) await armAt(this.ctx.storage, Date.now());
  }

  /** Counts a text, once. @param externalId of the number @param place where the caller believes that it belongs */
  async countText(
    sid: string,
    counter: TextCounter,
    externalId: string | null = null,
    place?: Place,
  ): Promise<Moved | null> {
    const moved = this.#split.movedOf(sid, place);
    if (moved && !isCounted(this.#sql, sid)) return moved;
    this.ctx.storage.transactionSync(() => countText(this.#sql, sid, externalId, counter, Date.now()));
    await this.#wake();
    return null;
  }

  /** The days with anything in them; see {@link findDays}. */
  async usage(since: string, until: string, externalId?: string): Promise<UsageDay[]> {
    return findDays(this.#sql, since, until, Date.now(), this.#begunTurns, externalId);
  }

  /** How much it has, and until when calls are missing because it was full, in milliseconds; null: all of 30 days. */
  async room(): Promise<{ bytes: number; shortened: number | null }> {
    return { bytes: this.#sql.databaseSize, shortened: this.#room.shortened(Date.now()) };
  }

  /** Deletes everything. */
  async erase(): Promise<void> {
    return eraseWithTranscripts(this.ctx.storage) ? armAt(this.ctx.storage, Date.now()) : this.#clear();
  }

  async #clear(): Promise<void> {
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
    this.#isWoken = false;
    keepTables(this.#sql, TABLES);
    this.#split.keep();
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
    return ring(this.ctx.storage, "call_log", info, async () => {
      const { hasMore, isEmpty } = forgetOld(this.ctx.storage, Date.now());
      if (isEmpty && !hasTranscripts(this.ctx.storage)) return this.#clear();
      return this.#wake((await moveTranscripts(this.ctx, this.env)) || hasMore ? 0 : DAY_MS);
    });
  }

  /** Sees to it that the alarm rings within a day. */
  async #wake(inMs = DAY_MS): Promise<void> {
    if (this.#isWoken) return;
    if (!stillRings(await this.ctx.storage.getAlarm())) await armAt(this.ctx.storage, Date.now() + inMs);
    this.#isWoken = true;
  }
}
