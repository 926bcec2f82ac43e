import { type ErrorBody, errorBody } from "../http/error-handler.ts";
import { ApiError } from "../http/errors.ts";
import { errorFields } from "../http/log.ts";
import type { Services } from "../services.ts";
import {
  addAccount,
  countOpening,
  findClosed,
  listUnread,
  openAccount,
  readAccount,
  refuseAccount,
} from "./accounts-store.ts";
import { createBacklog, type Setback, type Task } from "./backlog.ts";
import type { Job } from "./job.ts";
import { createLanes } from "./lanes.ts";
import type { Failed, NumberReport, Opened } from "./order.ts";
import { isRateLimit, isRefusal, retryDelayMs } from "./retry.ts";
import {
  assignNumber,
  beginAttempt,
  failAccount,
  findWaiting,
  insertNumber,
  postpone,
  settle,
} from "./store.ts";

/** Twilio refuses the credentials of one number as it refuses those of all numbers of the account. */
const MAX_REFUSALS = 3;

type OpenTask = Extract<Task, { kind: "open" }>;
type NumberTask = Extract<Task, { kind: "number" }>;

/** The work of a bulk import, as its object has it in memory. It begins with what the object's tables say. */
export type Run = ReturnType<typeof createRun>;

/**
 * @param job the job as it is now
 */
export function createRun(sql: SqlStorage, job: () => Job, { log, now, objects, publicBaseUrl }: Services) {
  const backlog = createBacklog();
  const lanes = createLanes(job().isDryRun, (lane) => objects.bulkLane(job().id, lane));
  const underWay = new Set<number>();
  const refusals = new Map<string, number>();
  const time = () => now().getTime();
  const isStopped = () => job().status === "cancelled";

  if (!isStopped()) for (const sid of findClosed(sql)) mustOpen(sid);
  for (const { position, account_sid, next_attempt_at } of findWaiting(sql)) {
    if (account_sid !== null) backlog.addNumber(account_sid, position, next_attempt_at);
  }
  failUnknown();

  /** Its parent gives its Auth Token, if it has none yet. */
  function giverOf(sid: string): string {
    return readAccount(sql, sid).auth_token_sealed === null ? job().accountSid : sid;
  }

  function mustOpen(sid: string, at = 0): void {
    backlog.addAccount(sid, giverOf(sid), at);
  }

  /** If all accounts are open, the numbers that are still without one are in none of them, or in one that was refused. */
  function failUnknown(): void {
    if (findClosed(sql).length > 0) return;
    const [unread] = listUnread(sql);
    const why = `${unread?.twilio_sid} could not be opened, so nobody knows whether it has the number.`;
    const error = unread
      ? { ...unread.error, message: `${why} ${unread.error.message}` }
      : errorBody(new ApiError("number_not_in_twilio"), publicBaseUrl);
    failAccount(sql, null, error, [], time());
  }

  const lost = (error: unknown): Failed => {
    log.warn("bulk_lane_lost", errorFields(error));
    return { kind: "failed", error: errorBody(new ApiError("internal_error"), publicBaseUrl) };
  };

  const about = () => ({ importId: job().id, apiKeyId: job().apiKeyId });

  function perform(task: Task): Promise<void> {
    return task.kind === "open" ? open(task) : attempt(task);
  }

  async function attempt(task: NumberTask): Promise<void> {
    const { accountSid, position } = task;
    const { phoneNumber, agentId, own, attempts, startedAt } = beginAttempt(sql, position, time());
    const order = {
      ...about(),
      kind: "number" as const,
      isKnown: job().isKnown === true && accountSid === job().accountSid,
      credentials: { accountSid, sealed: readAccount(sql, accountSid).auth_token_sealed ?? "" },
      isDryRun: job().isDryRun,
      actor: job().actor ?? null,
      phoneNumber,
      agentId,
      own: { ...job().own, ...own },
      triedSince: attempts > 1 ? startedAt : null,
    };
    underWay.add(position);
    const report: NumberReport = await lanes
      .use(async (lane) => (await lane.importNumber(order)) as NumberReport)
      .catch(lost);
    underWay.delete(position);
    if (report.kind === "failed") return fail(task, attempts, report.error);
    settle(sql, position, report.settled, time());
    refusals.delete(accountSid);
    backlog.finish(task, undefined, time());
  }

  function fail(task: NumberTask, attempts: number, error: ErrorBody): void {
    const { accountSid, position } = task;
    const delay = isStopped() ? undefined : retryDelayMs(error, attempts);
    backlog.finish(task, setbackOf(error, delay), time());
    if (delay !== undefined) {
      postpone(sql, position, time() + delay);
      backlog.addNumber(accountSid, position, time() + delay);
      return;
    }
    settle(sql, position, { outcome: "failed", error }, time());
    if (!isRefusal(error)) return;
    const count = (refusals.get(accountSid) ?? 0) + 1;
    refusals.set(accountSid, count);
    if (count >= MAX_REFUSALS) refuse(accountSid, error);
  }

  function refuse(accountSid: string, error: ErrorBody): void {
    refuseAccount(sql, accountSid, error);
    failAccount(sql, accountSid, error, [...underWay], time());
    backlog.drop(accountSid);
  }

  async function open(task: OpenTask): Promise<void> {
    const { accountSid } = task;
    const giver = readAccount(sql, giverOf(accountSid));
    const wantsNumbers = readAccount(sql, accountSid).is_to_list === 1;
    const attempts = countOpening(sql, accountSid);
    const order = {
      ...about(),
      kind: "open" as const,
      accountSid,
      region: job().region,
      credentials: { accountSid: giver.account_sid, sealed: giver.auth_token_sealed ?? "" },
      wantsNumbers,
      wantsSubaccounts: wantsNumbers && job().withSubaccounts && accountSid === job().accountSid,
    };
    const report = await lanes.use((lane) => lane.openAccount(order)).catch(lost);
    if (isStopped()) return backlog.finish(task, undefined, time());
    if (report.kind === "opened") {
      takeIn(task, report);
    } else {
      const delay = retryDelayMs(report.error, attempts);
      backlog.finish(task, setbackOf(report.error, delay), time());
      if (delay === undefined) refuse(accountSid, report.error);
      else mustOpen(accountSid, time() + delay);
    }
    failUnknown();
  }

  /** Written without waiting in between, so that all of it is stored or nothing. */
  function takeIn(task: OpenTask, { sealed, numbers, subaccounts }: Opened): void {
    const { accountSid } = task;
    openAccount(sql, accountSid, sealed, numbers !== null);
    for (const phoneNumber of numbers ?? []) {
      const { isAll, agentId } = job();
      const positions = isAll
        ? [insertNumber(sql, { phoneNumber, accountSid, agentId, own: {} })]
        : assignNumber(sql, phoneNumber, accountSid);
      for (const position of positions) backlog.addNumber(accountSid, position);
    }
    for (const sid of subaccounts ?? []) {
      if (sid === accountSid) continue;
      addAccount(sql, sid, true);
      mustOpen(sid);
    }
    backlog.finish(task, undefined, time());
    // Its parent has been opened meanwhile, and now its numbers are wanted too.
    if (readAccount(sql, accountSid).is_to_list === 1) mustOpen(accountSid);
  }

  return {
    /** Works until nothing is due, or the time is over; then what is under way comes to its end. */
    async work(until: number): Promise<void> {
      const tasks = new Set<Promise<void>>();
      try {
        for (;;) {
          while (lanes.hasRoom() && time() < until) {
            const task = backlog.take(time());
            if (!task) break;
            const done = perform(task).finally(() => tasks.delete(done));
            tasks.add(done);
          }
          if (tasks.size === 0) return;
          await Promise.race(tasks);
        }
      } finally {
        await Promise.allSettled(tasks);
      }
    },

    /** When there is more to do; null if there is nothing. */
    nextAt: (): number | null => (backlog.isEmpty() ? null : (backlog.nextDueAt() ?? time())),

    underWay: (): number[] => [...underWay],

    /** Forgets what waits. */
    drop: (): void => backlog.drop(),
  };
}

/** A 429 makes the whole account wait. */
function setbackOf(error: ErrorBody, delay: number | undefined): Setback | undefined {
  return isRateLimit(error) ? { retryAfterMs: delay ?? 0 } : undefined;
}
