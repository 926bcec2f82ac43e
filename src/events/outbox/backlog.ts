import type { PendingRow } from "./store.ts";

// Which events are attempted next. No I/O here.

/** An event that waits for its attempt. */
export type Entry = {
  seq: number;
  agentId: string;
  lane: string;
  /** No time is set for its attempt in the database; it is found again by its place behind the watermark. */
  isFresh: boolean;
  /** Its owner asked for it now, so that an open circuit does not hold it back. */
  isForced: boolean;
  /** What is known of it since it came, so that its first attempt need not read it. */
  row?: PendingRow | undefined;
};

/**
 * What may be done with an event: attempt it; leave it where it is; put it off, because its circuit is open; or give it
 * up, because there is nowhere to send it.
 */
export type Verdict = "attempt" | "wait" | "put_off" | "give_up";

/** The events that are due, each lane in its order. */
export type Backlog = {
  size: () => number;
  has: (seq: number) => boolean;
  add: (entry: Entry) => void;
  remove: (seq: number) => void;
  entries: () => IterableIterator<Entry>;
  /** Whose events wait. */
  agents: () => string[];
  /**
   * Takes out the next event to attempt, from a lane that is not busy, and what is given up on the way to it. What is put off
   * stays; its agents are named. The lane goes to the end of the line.
   */
  take: (isBusy: (lane: string) => boolean, verdictOf: (entry: Entry) => Verdict) => Taken;
};

type Taken = { next: Entry | undefined; givenUp: Entry[]; putOff: Set<string> };

export function createBacklog(): Backlog {
  const lanes = new Map<string, Entry[]>();
  const bySeq = new Map<number, Entry>();
  const perAgent = new Map<string, number>();

  const count = ({ agentId }: Entry, by: 1 | -1) => {
    const sum = (perAgent.get(agentId) ?? 0) + by;
    if (sum === 0) perAgent.delete(agentId);
    else perAgent.set(agentId, sum);
  };

  function remove(seq: number): void {
    const entry = bySeq.get(seq);
    const queue = entry && lanes.get(entry.lane);
    if (!queue) return;
    bySeq.delete(seq);
    count(entry, -1);
    queue.splice(queue.indexOf(entry), 1);
    if (queue.length === 0) lanes.delete(entry.lane);
  }

  function add(entry: Entry): void {
    if (bySeq.has(entry.seq)) return;
    bySeq.set(entry.seq, entry);
    count(entry, 1);
    const queue = lanes.get(entry.lane);
    if (!queue) lanes.set(entry.lane, [entry]);
    else if ((queue.at(-1)?.seq ?? 0) < entry.seq) queue.push(entry);
    else
      queue.splice(
        queue.findIndex(({ seq }) => seq > entry.seq),
        0,
        entry,
      );
  }

  return {
    size: () => bySeq.size,
    has: (seq) => bySeq.has(seq),
    entries: () => bySeq.values(),
    agents: () => [...perAgent.keys()],
    add,
    remove,

    take(isBusy, verdictOf) {
      const taken: Taken = { next: undefined, givenUp: [], putOff: new Set() };
      for (const [lane, queue] of lanes) {
        if (isBusy(lane)) continue;
        for (let index = 0; index < queue.length; ) {
          const entry = queue[index] as Entry;
          const verdict = verdictOf(entry);
          if (verdict === "wait") break;
          if (verdict === "put_off") {
            taken.putOff.add(entry.agentId);
            index += 1;
            continue;
          }
          remove(entry.seq);
          if (verdict === "give_up") {
            taken.givenUp.push(entry);
            continue;
          }
          if (lanes.delete(lane)) lanes.set(lane, queue);
          return { ...taken, next: entry };
        }
      }
      return taken;
    },
  };
}
