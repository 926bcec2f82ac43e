import type { DailyLimits } from "../limits.ts";
import type { List } from "../merge-page.ts";
import { callObject, type Objects } from "../objects.ts";
import { allParts, bring, type Moved, type Place, partsOf, partsWith } from "../parts.ts";
import type { Kind, Taken } from "./allowance.ts";
import type { Attempt, Begun, Note } from "./attempt.ts";
import {
  type CallFilter,
  type CallReport,
  isLive,
  type LoggedCall,
  type TextCounter,
  type UsageDay,
} from "./call.ts";
import type { SealedOutcome } from "./calls-store.ts";

type Room = { bytes: number; shortened: number | null };
type Stub = Awaited<ReturnType<Objects["callLog"]>>;

/** The call logs of all API keys. What does not answer is a StorageError. */
export type CallLogs = ReturnType<typeof createCallLogs>;

export function createCallLogs(objects: Objects) {
  const at = <T>(apiKeyId: string, part: number, method: (log: Stub) => Promise<T>, isRepeatable = true) =>
    callObject(() => objects.callLog(apiKeyId, part), method, isRepeatable);
  /** The key's first object, which counts for the whole key. */
  const call = <T>(apiKeyId: string, method: (log: Stub) => Promise<T>, isRepeatable = true): Promise<T> =>
    at(apiKeyId, 0, method, isRepeatable);
  const partsOfAll = (apiKeyId: string) => allParts("call_log", partsOf(apiKeyId, "call_log"));
  const all = <T>(apiKeyId: string, method: (log: Stub) => Promise<T>): Promise<T[]> =>
    Promise.all(partsOfAll(apiKeyId).map((part) => at(apiKeyId, part, method)));

  /** Asks the parts that may have a call, until one has it. */
  async function find<T>(apiKeyId: string, callId: string, method: (log: Stub) => Promise<T>): Promise<T> {
    const [first = 0, ...others] = partsWith(apiKeyId, "call_log", callId);
    let found = await at(apiKeyId, first, method);
    for (const part of others) found ||= await at(apiKeyId, part, method);
    return found;
  }

  /** Tells the part that has it, or is to have it, of a call or text. */
  async function tell<T>(
    apiKeyId: string,
    sid: string,
    method: (log: Stub, place: Place) => Promise<T | Moved | null>,
  ): Promise<T | null> {
    const itself = (id: string) => id;
    const answers = await bring(
      apiKeyId,
      "call_log",
      { items: [sid], idOf: itself, shareOf: itself },
      async (_, place) => {
        const answer = await at(apiKeyId, place.part, (log) => method(log, place));
        return isMoved(answer) ? { answer: null, moved: answer } : { answer, moved: null };
      },
    );
    return answers.at(-1) ?? null;
  }

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
    beginTurns: (apiKeyId: string, count: number) => call(apiKeyId, (log) => log.beginTurns(count), false),
    /** @param ofCall whose answers after the first are counted with them */
    addTokens: (apiKeyId: string, count: number, ofCall?: { limits: DailyLimits; turns: number }) => {
      const counted = ofCall && { apiKeyId, limits: daily(ofCall.limits), turns: ofCall.turns };
      return call(apiKeyId, (log) => log.addTokens(count, counted), false);
    },
    note: (apiKeyId: string, id: string, note: Note) => call(apiKeyId, (log) => log.note(id, note)),
    knownOf: (apiKeyId: string, id: string, sids: string[]) => call(apiKeyId, (log) => log.knownOf(id, sids)),
    findBrief: (apiKeyId: string, id: string) => call(apiKeyId, (log) => log.find(id)),
    forget: (apiKeyId: string, id: string) => call(apiKeyId, (log) => log.forget(id)),
    report: async (apiKeyId: string, report: CallReport, attemptId: string | null = null) => {
      const { callId: sid, status } = report;
      const state = isLive(status) ? "live" : "ended";
      const [logged] = await Promise.all([
        tell(
          apiKeyId,
          sid,
          (log, place): Promise<LoggedCall | Moved | null> => log.report(report, attemptId, place),
        ),
        // Another object than the call's counts how many run.
        attemptId !== null && partsOf(apiKeyId, "call_log") > 1
          ? call(apiKeyId, (log) => log.note(attemptId, { sid, state }))
          : null,
      ]);
      return logged;
    },
    putOutcome: (apiKeyId: string, callId: string, outcome: SealedOutcome) =>
      find(
        apiKeyId,
        callId,
        async (log): Promise<LoggedCall | "closed" | null> => await log.putOutcome(callId, outcome),
      ),
    recorded: (apiKeyId: string, callId: string, recordingSid: string) =>
      find(apiKeyId, callId, (log) => log.recorded(callId, recordingSid)),
    list: async (apiKeyId: string, filter: CallFilter, page: { limit: number; offset: number }) => {
      const lists = partsOfAll(apiKeyId).map(
        (part): List<LoggedCall> => ({
          list: async (asked, upTo) => {
            const { calls, count } = await at(apiKeyId, part, (log) => log.list(filter, asked, upTo));
            return { rows: calls, count };
          },
          placesAt: (offsets) => at(apiKeyId, part, (log) => log.placesAt(filter, offsets)),
          countBefore: (seq) => at(apiKeyId, part, (log) => log.countBefore(filter, seq)),
        }),
      );
      const { mergePage } = await import("../merge-page.ts");
      const { rows, count } = await mergePage(lists, page);
      return { calls: rows, count };
    },
    get: (apiKeyId: string, callId: string) =>
      find(apiKeyId, callId, async (log): Promise<LoggedCall | null> => await log.get(callId)),
    remove: async (apiKeyId: string, callId: string) => {
      for (const part of partsWith(apiKeyId, "call_log", callId))
        await at(apiKeyId, part, (log) => log.remove(callId));
    },
    countText: (apiKeyId: string, sid: string, counter: TextCounter, externalId: string | null) =>
      tell(
        apiKeyId,
        sid,
        (log, place): Promise<Moved | null> => log.countText(sid, counter, externalId, place),
      ),
    usage: async (apiKeyId: string, since: string, until: string, externalId?: string) =>
      sumDays(await all(apiKeyId, (log) => log.usage(since, until, externalId))),
    /** What counts towards the limits of a day. */
    used: (apiKeyId: string, day: string) => call(apiKeyId, (log) => log.usage(day, day)),
    /** Of the fullest part, and the one that was shortened most. */
    room: async (apiKeyId: string) => {
      const rooms = await all(apiKeyId, async (log): Promise<Room> => await log.room());
      const shortened = Math.max(...rooms.map((room) => room.shortened ?? 0)) || null;
      return { bytes: Math.max(...rooms.map(({ bytes }) => bytes)), shortened };
    },
    parts: partsOfAll,
    split: (apiKeyId: string, parts: number) => all(apiKeyId, (log) => log.split(parts)),
    reseal: (apiKeyId: string, part: number, after: number, limit: number) =>
      at(apiKeyId, part, (log) => log.reseal(after, limit)),
    erase: (apiKeyId: string) => all(apiKeyId, (log) => log.erase()),
  };
}

/** Only what the log needs of a key's limits goes to it. */
function daily({ calls_per_day, texts_per_day, model_turns_per_day }: DailyLimits): DailyLimits {
  return { calls_per_day, texts_per_day, model_turns_per_day };
}

const isMoved = (answer: unknown): answer is Moved =>
  typeof answer === "object" && answer !== null && "ids" in answer;

function sumDays(ofParts: readonly UsageDay[][]): UsageDay[] {
  const byDay = new Map<string, UsageDay>();
  for (const usage of ofParts.flat()) {
    const sum: Record<string, string | number> = byDay.get(usage.day) ?? {};
    const summed = Object.entries(usage).map(([name, value]) => [
      name,
      typeof value === "number" ? value + Number(sum[name] ?? 0) : value,
    ]);
    byDay.set(usage.day, Object.fromEntries(summed) as UsageDay);
  }
  return [...byDay.values()].toSorted((one, other) => one.day.localeCompare(other.day));
}
