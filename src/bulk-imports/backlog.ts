import { pauseMs } from "./retry.ts";

// What is done next: two numbers of each Twilio account at once, and many accounts side by side. No I/O here.

/** What can be done: open an account (its Auth Token, its numbers), or import or plan one number. */
export type Task =
  | { kind: "open"; accountSid: string }
  | { kind: "number"; accountSid: string; position: number };

/** What Twilio's 429 stops for a while. */
export type Setback = { retryAfterMs: number };

/** Twilio limits the requests of an account, and does not say to how many; the calls of its customers need some of them. */
const PER_ACCOUNT = 2;

type Waiting = { position: number; dueAt: number };

type Account = {
  /** It must be opened before its numbers can be imported. */
  isClosed: boolean;
  /** By whose credentials it is opened: a parent's, whose requests those are. */
  giver: string;
  openAt: number;
  ready: number[];
  /** Numbers that are tried again later. */
  later: Waiting[];
  busy: number;
  /** 429s since the last success. */
  strikes: number;
  pausedUntil: number;
};

export function createBacklog() {
  const accounts = new Map<string, Account>();

  const account = (sid: string): Account => {
    const known = accounts.get(sid);
    if (known) return known;
    const added: Account = {
      isClosed: false,
      giver: sid,
      openAt: 0,
      ready: [],
      later: [],
      busy: 0,
      strikes: 0,
      pausedUntil: 0,
    };
    accounts.set(sid, added);
    return added;
  };

  const hasWork = ({ isClosed, ready, later }: Account) => isClosed || ready.length > 0 || later.length > 0;

  /** When an account that is not busy can go on; null if it has nothing to do. */
  function dueAt(one: Account): number | null {
    if (!hasWork(one)) return null;
    if (one.isClosed) return Math.max(one.openAt, one.pausedUntil, account(one.giver).pausedUntil);
    const due =
      one.ready.length > 0 ? 0 : one.later.reduce((first, { dueAt: at }) => Math.min(first, at), Infinity);
    return Math.max(due, one.pausedUntil);
  }

  const isBusy = ({ strikes, isClosed, busy }: Account) =>
    busy >= (strikes > 0 || isClosed ? 1 : PER_ACCOUNT);

  return {
    /** This account must be opened, by the credentials of one that may be another. */
    addAccount(sid: string, giver: string, openAt = 0): void {
      Object.assign(account(sid), { isClosed: true, giver, openAt });
    },

    addNumber(sid: string, position: number, dueAt = 0): void {
      const { ready, later } = account(sid);
      if (dueAt === 0) ready.push(position);
      else later.push({ position, dueAt });
    },

    /** The next task; undefined if there is none now. Its account goes to the end of the line. */
    take(now: number): Task | undefined {
      for (const [sid, one] of accounts) {
        const giver = one.isClosed ? account(one.giver) : one;
        const due = dueAt(one);
        if (isBusy(one) || isBusy(giver) || due === null || due > now) continue;
        one.busy += 1;
        if (giver !== one) giver.busy += 1;
        accounts.delete(sid);
        accounts.set(sid, one);
        if (one.isClosed) return { kind: "open", accountSid: sid };
        for (const { position } of one.later.filter((entry) => entry.dueAt <= now)) one.ready.push(position);
        one.later = one.later.filter((entry) => entry.dueAt > now);
        return { kind: "number", accountSid: sid, position: one.ready.shift() as number };
      }
      return undefined;
    },

    /** A task is over. A setback makes its account slower. */
    finish({ kind, accountSid }: Task, setback: Setback | undefined, now: number): void {
      const one = account(accountSid);
      const asked = kind === "open" ? account(one.giver) : one;
      one.busy -= 1;
      if (asked !== one) asked.busy -= 1;
      if (kind === "open" && !setback) one.isClosed = false;
      asked.strikes = setback ? asked.strikes + 1 : 0;
      if (setback) asked.pausedUntil = now + Math.max(setback.retryAfterMs, pauseMs(asked.strikes));
    },

    /** Forgets what waits of an account, or of all. */
    drop(sid?: string): void {
      for (const [known, one] of accounts) {
        if (sid !== undefined && known !== sid) continue;
        Object.assign(one, { isClosed: false, ready: [], later: [] });
      }
    },

    isEmpty: (): boolean => [...accounts.values()].every((one) => !hasWork(one) && one.busy === 0),

    /** When the next task is due; null if there is none. */
    nextDueAt(): number | null {
      const times = [...accounts.values()].map(dueAt).filter((time) => time !== null);
      return times.length === 0 ? null : Math.min(...times);
    },
  };
}
