import type { Entry } from "./backlog.ts";

/** An attempt that is under way. */
type Flight = { entry: Entry; url: string; until: number };

/** The attempts that are under way, wherever they are made. */
export type Flights = {
  size: () => number;
  has: (seq: number) => boolean;
  isBusy: (lane: string) => boolean;
  /** How many go to this URL. */
  to: (url: string) => number;
  entries: () => Entry[];
  depart: (entry: Entry, url: string, until: number) => void;
  /** It is over. @returns what was under way */
  land: (seq: number) => Entry | undefined;
  /** Ends those whose time is over. */
  expire: (now: number) => Entry[];
};

export function createFlights(): Flights {
  const flights = new Map<number, Flight>();
  const lanes = new Set<string>();
  const perUrl = new Map<string, number>();

  const count = (url: string, by: 1 | -1) => {
    const sum = (perUrl.get(url) ?? 0) + by;
    if (sum === 0) perUrl.delete(url);
    else perUrl.set(url, sum);
  };

  function land(seq: number): Entry | undefined {
    const flight = flights.get(seq);
    if (!flight) return undefined;
    flights.delete(seq);
    lanes.delete(flight.entry.lane);
    count(flight.url, -1);
    return flight.entry;
  }

  return {
    size: () => flights.size,
    has: (seq) => flights.has(seq),
    isBusy: (lane) => lanes.has(lane),
    to: (url) => perUrl.get(url) ?? 0,
    entries: () => [...flights.values()].map(({ entry }) => entry),
    depart(entry, url, until) {
      flights.set(entry.seq, { entry, url, until });
      lanes.add(entry.lane);
      count(url, 1);
    },
    land,
    expire: (now) =>
      [...flights.values()]
        .filter(({ until }) => until <= now)
        .map(({ entry }) => entry)
        .filter(({ seq }) => land(seq)),
  };
}
