import { DurableObject } from "cloudflare:workers";
import type { Attempt, Begun, FoundCall, Note } from "./attempt.ts";
import {
  countLive,
  createTables,
  deleteAttempt,
  deleteBefore,
  findAttempt,
  findCall,
  insertAttempt,
  noteAttempt,
} from "./store.ts";

/** Longer than an `Idempotency-Key` is kept, and than any call lasts. */
const KEEP_MS = 25 * 60 * 60 * 1_000;

/**
 * The calls and texts that one API key sends. An attempt is begun here before anything is sent to Twilio, so nothing is
 * sent twice under one id, and the key's calls are counted where they begin. Every method does the same if it is called
 * twice.
 */
export class CallLog extends DurableObject<Env> {
  readonly #sql: SqlStorage;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    createTables(this.#sql);
  }

  /** @param limit how many calls the key may have at once; null: no limit, such as for texts */
  async begin(attempt: Attempt, limit: number | null): Promise<Begun> {
    const now = Date.now();
    const known = findAttempt(this.#sql, attempt.id);
    if (known) {
      const { claim, ...rest } = known;
      return claim === attempt.claim ? { kind: "begun" } : { kind: "known", attempt: rest };
    }
    const live = limit === null ? 0 : countLive(this.#sql, now);
    if (limit !== null && live >= limit) return { kind: "limit", live };
    insertAttempt(this.#sql, attempt, now);
    if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(now + KEEP_MS);
    return { kind: "begun" };
  }

  /** @returns whether the SID, if there is one, is this attempt's now */
  async note(id: string, note: Note): Promise<boolean> {
    return this.ctx.storage.transactionSync(() => noteAttempt(this.#sql, id, note, Date.now()));
  }

  /** The call that a webhook names; null if there is none. */
  async find(id: string): Promise<FoundCall | null> {
    return findCall(this.#sql, id);
  }

  /** Twilio has certainly done nothing. */
  async forget(id: string): Promise<void> {
    deleteAttempt(this.#sql, id);
  }

  override async alarm(): Promise<void> {
    const oldest = deleteBefore(this.#sql, Date.now() - KEEP_MS);
    if (oldest === null) await this.ctx.storage.deleteAll();
    else await this.ctx.storage.setAlarm(oldest + KEEP_MS);
    createTables(this.#sql);
  }
}
