/** What was sent, as Twilio lists it: what may be ours, whatever Twilio has changed of it. */
export type Listed = {
  sid: string;
  /** When it was created, in milliseconds and whole seconds; NaN if Twilio does not say. */
  at: number;
  /** It is as we sent it. So many others may be, too. */
  isAlike: boolean;
};

export type Listing = {
  listed: Listed[];
  /** Nothing is left out that was created at this time or later. */
  since: number;
};

type Entry = { sid: string; date_created?: string | null | undefined; direction?: string | null | undefined };

/** @param size how many entries a whole page has */
export function listingOf<E extends Entry>(
  entries: E[],
  size: number,
  mayBeOurs: (entry: E) => boolean,
  isAlike: (entry: E) => boolean,
): Listing {
  const at = ({ date_created }: Entry) => Date.parse(date_created ?? "");
  return {
    listed: entries
      .filter((entry) => (entry.direction ?? "outbound-api") === "outbound-api" && mayBeOurs(entry))
      .map((entry) => ({ sid: entry.sid, at: at(entry), isAlike: isAlike(entry) })),
    since: entries.length < size ? -Infinity : Math.min(...entries.map(at)),
  };
}
