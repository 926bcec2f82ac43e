import type { DailyLimits } from "../limits.ts";
import { callObject, type Objects } from "../objects.ts";
import type { Kind, Taken } from "./allowance.ts";
import type { Attempt, Begun, Note } from "./attempt.ts";
import type { CallFilter, CallReport, LoggedCall, TextCounter } from "./call.ts";
import type { SealedOutcome } from "./calls-store.ts";

type Stub = Awaited<ReturnType<Objects["callLog"]>>;

/** The call logs of all API keys. What does not answer is a StorageError. */
export type CallLogs = ReturnType<typeof createCallLogs>;

export function createCallLogs(objects: Objects) {
  const call = <T>(apiKeyId: string, method: (log: Stub) => Promise<T>, isRepeatable = true): Promise<T> =>
    callObject(() => objects.callLog(apiKeyId), method, isRepeatable);

  return {
    begin: (apiKeyId: string, attempt: Attempt, limits: DailyLimits & { concurrent_call_limit: number }) => {
      const atOnce = attempt.kind === "call" ? limits.concurrent_call_limit : null;
      return call(
        apiKeyId,
        async (log): Promise<Begun> => await log.begin(attempt, atOnce, { apiKeyId, limits: daily(limits) }),
      );
    },
    /** @param repliesFrom the number that answers a text */
    take: (apiKeyId: string, kind: Kind, limits: DailyLimits, repliesFrom: string | null = null) =>
      call(
        apiKeyId,
        async (log): Promise<Taken> => await log.take(apiKeyId, kind, daily(limits), repliesFrom),
        false,
      ),
    addTokens: (apiKeyId: string, count: number) => call(apiKeyId, (log) => log.addTokens(count), false),
    note: (apiKeyId: string, id: string, note: Note) => call(apiKeyId, (log) => log.note(id, note)),
    knownOf: (apiKeyId: string, id: string, sids: string[]) => call(apiKeyId, (log) => log.knownOf(id, sids)),
    findBrief: (apiKeyId: string, id: string) => call(apiKeyId, (log) => log.find(id)),
    forget: (apiKeyId: string, id: string) => call(apiKeyId, (log) => log.forget(id)),
    report: (apiKeyId: string, report: CallReport, attemptId: string | null = null) =>
      call(apiKeyId, (log) => log.report(report, attemptId)),
    putOutcome: (apiKeyId: string, callId: string, outcome: SealedOutcome) =>
      call(
        apiKeyId,
        async (log): Promise<LoggedCall | "closed" | null> => await log.putOutcome(callId, outcome),
      ),
    recorded: (apiKeyId: string, callId: string, recordingSid: string) =>
      call(apiKeyId, (log) => log.recorded(callId, recordingSid)),
    list: (apiKeyId: string, filter: CallFilter, page: { limit: number; offset: number }) =>
      call(apiKeyId, (log) => log.list(filter, page)),
    get: (apiKeyId: string, callId: string) => call(apiKeyId, (log) => log.get(callId)),
    remove: (apiKeyId: string, callId: string) => call(apiKeyId, (log) => log.remove(callId)),
    countText: (apiKeyId: string, sid: string, counter: TextCounter, externalId: string | null) =>
      call(apiKeyId, (log) => log.countText(sid, counter, externalId)),
    usage: (apiKeyId: string, since: string, until: string, externalId?: string) =>
      call(apiKeyId, (log) => log.usage(since, until, externalId)),
    shortened: (apiKeyId: string) => call(apiKeyId, (log) => log.shortened()),
    reseal: (apiKeyId: string, after: number, limit: number) =>
      call(apiKeyId, (log) => log.reseal(after, limit)),
    erase: (apiKeyId: string) => call(apiKeyId, (log) => log.erase()),
  };
}

/** Only what the log needs of a key's limits goes to it. */
function daily({ calls_per_day, texts_per_day, model_turns_per_day }: DailyLimits): DailyLimits {
  return { calls_per_day, texts_per_day, model_turns_per_day };
}
