import { DurableObject } from "cloudflare:workers";
import { armAt, ring } from "../alarms.ts";
import { readConfig } from "../config.ts";
import { createLogger, errorFields } from "../http/log.ts";
import type { Page } from "../http/page.ts";
import { createServices, type Services } from "../services.ts";
import { DAY_MS } from "../time.ts";
import { addAccount, deleteTokens, listRefused, reviveAccounts, storeToken } from "./accounts-store.ts";
import type { Job, Outcome, Result, Status, StopReason } from "./job.ts";
import type { NumberOrder, NumberReport, OpenOrder, OpenReport } from "./order.ts";
import type { Run } from "./run.ts";
import {
  countOutcomes,
  countSettledSince,
  insertNumber,
  listResults,
  type NewNumber,
  reviveNumbers,
  skipWaiting,
} from "./store.ts";
import { createJob, readJob, writeJob } from "./tables-store.ts";

/** How long a run may take before the alarm begins another. The API key is asked for again with each. */
const RUN_MS = 20_000;
/** The alarm comes again after this time if the object dies in a run. */
const WATCH_MS = 2 * 60_000;
const AFTER_FAILURE_MS = 30_000;
/** What has ended is kept for so long. */
const KEEP_MS = 30 * DAY_MS;
const RECENT_MS = 60_000;

/**
 * One bulk import: its numbers, what became of each, and who is next. Alarms drive it, so it goes on after any crash: an
 * attempt is counted before it is made, and its outcome is written when it is known. If a crash comes between, the
 * number is tried again, and an import that is done already says so.
 *
 * The work itself is done by other objects of this class, its lanes, which have no job.
 */
export class BulkImport extends DurableObject<Env> {
  readonly #sql = this.ctx.storage.sql;
  #job: Job | undefined;
  #run: Run | undefined;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    ctx.blockConcurrencyWhile(async () => {
      this.#job = readJob(this.#sql);
    });
  }

  /** Takes in a job; once, however often it comes. */
  async create(job: Job, sealed: string, numbers: readonly NewNumber[]): Promise<void> {
    if (this.#job) return;
    this.ctx.storage.transactionSync(() => {
      createJob(this.#sql, job);
      const seen = new Set<string>();
      for (const number of numbers) {
        insertNumber(this.#sql, number, seen.has(number.phoneNumber) ? "duplicate" : null);
        seen.add(number.phoneNumber);
        if (number.accountSid) addAccount(this.#sql, number.accountSid, false);
      }
      const isToList = job.isAll || numbers.some(({ accountSid }) => accountSid === null);
      addAccount(this.#sql, job.accountSid, isToList);
      storeToken(this.#sql, job.accountSid, sealed);
    });
    this.#job = job;
    await this.#wake(this.#now());
  }

  /** Null if this API key has no such job. */
  status(apiKeyId: string): Status | null {
    const job = this.#jobOf(apiKeyId);
    if (!job) return null;
    const until = job.endedAt ?? this.#now();
    const since = Math.max(job.startedAt ?? until, until - RECENT_MS);
    return {
      job,
      counts: countOutcomes(this.#sql),
      recent: { count: countSettledSince(this.#sql, since), ms: until - since },
      accountErrors: listRefused(this.#sql),
    };
  }

  results(
    apiKeyId: string,
    outcome: Outcome | null,
    page: Page,
  ): { results: Result[]; count: number } | null {
    return this.#jobOf(apiKeyId) ? listResults(this.#sql, outcome, page) : null;
  }

  /** Begins nothing more. What is under way comes to its end. */
  async cancel(apiKeyId: string): Promise<Status | null> {
    const job = this.#jobOf(apiKeyId);
    if (job && job.endedAt === null) {
      this.#stop("cancelled");
      await this.#wake(this.#now());
    }
    return this.status(apiKeyId);
  }

  /** If the job has ended, begins anew with what failed or was skipped by a stop. */
  async retry(apiKeyId: string, sealed: string): Promise<Status | null> {
    const job = this.#jobOf(apiKeyId);
    if (job && job.endedAt !== null) {
      this.#run = undefined;
      this.ctx.storage.transactionSync(() => {
        reviveNumbers(this.#sql);
        reviveAccounts(this.#sql);
        storeToken(this.#sql, job.accountSid, sealed);
        this.#change({
          status: "queued",
          stopReason: null,
          startedAt: null,
          endedAt: null,
          isEndNoted: false,
        });
      });
      await this.#wake(this.#now());
    }
    return this.status(apiKeyId);
  }

  override alarm(info?: AlarmInvocationInfo): Promise<void> {
    return ring(this.ctx.storage, "bulk_import", info, () => this.#work());
  }

  async #work(): Promise<void> {
    const job = this.#job;
    if (!job) return;
    if (job.endedAt !== null) return this.#afterEnd(job);
    await this.#wake(this.#now() + WATCH_MS);
    const services = this.#services();
    try {
      const { isKeyValid } = await import("../api-keys/store.ts");
      if (!(await isKeyValid(services.db, job.apiKeyId))) this.#stop("key_revoked");
      if (this.#job?.status === "queued") this.#change({ status: "running", startedAt: this.#now() });
      // A call does not need it, and its isolate evaluates this class too.
      const { createRun } = await import("./run.ts");
      this.#run ??= createRun(this.#sql, () => this.#job as Job, services);
      await this.#run.work(this.#now() + RUN_MS);
      await this.#next();
    } catch (error) {
      services.log.warn("bulk_import_interrupted", errorFields(error));
      // What it has in memory may not be what is stored.
      this.#run = undefined;
      await this.#wake(this.#now() + AFTER_FAILURE_MS);
    }
  }

  /** Work for another object's job: imports or plans a number. */
  async importNumber(order: NumberOrder): Promise<NumberReport> {
    const { workOnNumber } = await import("./work.ts");
    return workOnNumber(order, this.#services(order.importId));
  }

  /** The same: opens a Twilio account. */
  async openAccount(order: OpenOrder): Promise<OpenReport> {
    const { openAccount } = await import("./work.ts");
    return openAccount(order, this.#services(order.importId));
  }

  /** Deletes everything. */
  async erase(): Promise<void> {
    this.#job = undefined;
    this.#run = undefined;
    await this.ctx.storage.deleteAll();
  }

  #stop(reason: StopReason): void {
    const underWay = this.#run?.underWay() ?? [];
    this.#run?.drop();
    this.ctx.storage.transactionSync(() => {
      skipWaiting(this.#sql, reason, underWay, this.#now());
      this.#change({ status: "cancelled", stopReason: reason });
    });
  }

  /** After a run: the next one, or the end. */
  async #next(): Promise<void> {
    const at = this.#run?.nextAt() ?? null;
    if (at !== null) return this.#wake(at);
    const job = this.#job as Job;
    this.ctx.storage.transactionSync(() => {
      deleteTokens(this.#sql);
      this.#change({ status: job.status === "running" ? "completed" : job.status, endedAt: this.#now() });
    });
    this.#run = undefined;
    await this.#afterEnd(this.#job as Job);
  }

  /** Tells D1 of the end, and forgets everything when its time is over. */
  async #afterEnd({ id, endedAt, isEndNoted }: Job): Promise<void> {
    const until = (endedAt ?? 0) + KEEP_MS;
    const isOver = this.#now() >= until;
    const services = this.#services();
    try {
      const { noteEnd, forgetImport } = await import("./index-store.ts");
      if (isOver) await forgetImport(services.db, id);
      else if (!isEndNoted) await noteEnd(services.db, id, new Date(endedAt ?? 0).toISOString());
    } catch (error) {
      services.log.warn("bulk_import_end_not_noted", errorFields(error));
      return this.#wake(this.#now() + AFTER_FAILURE_MS);
    }
    if (isOver) return this.erase();
    if (!isEndNoted) this.#change({ isEndNoted: true });
    return this.#wake(until);
  }

  #jobOf(apiKeyId: string): Job | undefined {
    return this.#job?.apiKeyId === apiKeyId ? this.#job : undefined;
  }

  #change(changes: Partial<Job>): void {
    this.#job = { ...(this.#job as Job), ...changes };
    writeJob(this.#sql, this.#job);
  }

  readonly #now = () => Date.now();

  #wake(at: number): Promise<void> {
    return armAt(this.ctx.storage, at);
  }

  #services(importId = this.#job?.id): Services {
    const log = createLogger({ object: "bulk_import", import_id: importId });
    return createServices(this.env, readConfig(this.env), log, (work) => this.ctx.waitUntil(work));
  }
}
