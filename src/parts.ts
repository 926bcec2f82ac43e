import { DAY_MS, HOUR_MS } from "./time.ts";

// How the call log and the outbox of a large API key are split into parts; docs/decisions/0032-parts.md. No I/O here.

/** How many parts there may be. Each is a multiple of those before, so that a part's share goes to parts of its own. */
export const PART_COUNTS = [1, 2, 4, 8, 16, 32, 64, 128, 256] as const;

export type Kind = "call_log" | "outbox";

/** How many parts there are and were, each since a time in milliseconds; the oldest first. */
type Split = readonly (readonly [parts: number, since: number])[];

/** The same as `api_keys` has it: JSON; null: there was never more than one. */
export type SplitColumns = { call_log_parts: string | null; outbox_parts: string | null };

const WHOLE: Split = [[1, 0]];

/** Whom a part is asked for, which one it is, and how many there are as far as the caller knows. */
export type Place = { apiKeyId: string; part: number; parts: number };

/** A part does not take these: there are more parts by now, and another one has them. */
export type Moved = { parts: number; ids: readonly string[] };

/**
 * Which part of the call log has a call or text, by Twilio's SID: whoever asks for a call by its id asks one object. Where
 * there are several, none is the key's first object, which counts for the whole key.
 *
 * Which part of an outbox has an event, by its lane: all events of a number are in one part, and so in order.
 */
export function partOf(kind: Kind, id: string, parts: number): number {
  if (parts === 1) return 0;
  const part = hash(id) % parts;
  return kind === "call_log" ? part + 1 : part;
}

/** All parts, whatever they still have. */
export function allParts(kind: Kind, parts: number): number[] {
  const count = kind === "call_log" && parts > 1 ? parts + 1 : parts;
  return Array.from({ length: count }, (_, part) => part);
}

/** FNV-1a. http://www.isthe.com/chongo/tech/comp/fnv/ */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) value = Math.imul(value ^ byte, 0x01000193);
  // Its lowest bits alone depend on the lowest bits of the text only.
  return (value ^ (value >>> 16)) >>> 0;
}

/** How many parts there are: the last of the counts. */
export function partsIn(column: string | null): number {
  return newest(splitIn(column));
}

const splitIn = (column: string | null): Split => (column === null ? WHOLE : (JSON.parse(column) as Split));
const newest = (split: Split): number => split.at(-1)?.[0] ?? 1;

// Of the keys that are split and whose row this isolate has read. Who does not know of a split asks the first part, and who
// knows an old one asks an old part: each part knows of it, and sends him on.
const known = new Map<string, Record<Kind, Split>>();

/** Says so whenever a key's row is read. */
export function learnSplit(apiKeyId: string, { call_log_parts, outbox_parts }: SplitColumns): void {
  if (call_log_parts === null && outbox_parts === null) return;
  const before = known.get(apiKeyId);
  const later = (kind: Kind, read: Split) =>
    before && newest(before[kind]) > newest(read) ? before[kind] : read;
  known.set(apiKeyId, {
    call_log: later("call_log", splitIn(call_log_parts)),
    outbox: later("outbox", splitIn(outbox_parts)),
  });
}

/** @internal */
export const forgetSplits = (): void => known.clear();

function learnMoved(apiKeyId: string, kind: Kind, parts: number): void {
  const before = known.get(apiKeyId) ?? { call_log: WHOLE, outbox: WHOLE };
  if (parts <= newest(before[kind])) return;
  known.set(apiKeyId, { ...before, [kind]: [...before[kind], [parts, Date.now()]] });
}

const splitOf = (apiKeyId: string, kind: Kind): Split => known.get(apiKeyId)?.[kind] ?? WHOLE;

/** How many parts this isolate knows of. */
export const partsOf = (apiKeyId: string, kind: Kind): number => newest(splitOf(apiKeyId, kind));

/** The parts that may have something, those of today first. What was there before there were more stays in the old ones. */
export function partsWith(apiKeyId: string, kind: Kind, id: string): number[] {
  const counts = splitOf(apiKeyId, kind).map(([parts]) => parts);
  return [...new Set(counts.toReversed().map((parts) => partOf(kind, id, parts)))];
}

/** Longer than a call lasts, than Twilio repeats itself, and than an event waits for an attempt. */
const SETTLED_MS = DAY_MS + HOUR_MS;

/** By which counts a writer asks, the oldest first: what a part has begun, it ends. */
function countsToAsk(split: Split, now: number): number[] {
  return split.flatMap(([parts], index) => {
    const replacedAt = split[index + 1]?.[1];
    return replacedAt === undefined || now - replacedAt < SETTLED_MS ? [parts] : [];
  });
}

/**
 * Brings each item to the part that takes it: a part that had it, or has others before it, before it was split; else the one
 * of today.
 *
 * @param ask brings items to a part, and says which of them it does not take
 */
export async function bring<Item, T>(
  apiKeyId: string,
  kind: Kind,
  {
    items,
    idOf,
    shareOf,
  }: { items: readonly Item[]; idOf: (item: Item) => string; shareOf: (item: Item) => string },
  ask: (items: Item[], place: Place) => Promise<{ answer: T; moved: Moved | null }>,
): Promise<T[]> {
  const answers: T[] = [];
  let counts = countsToAsk(splitOf(apiKeyId, kind), Date.now());
  for (let rest = items; rest.length > 0; ) {
    const [count = 1, ...later] = counts;
    const shares = [...Map.groupBy(rest, (item) => partOf(kind, shareOf(item), count))];
    const left = await Promise.all(
      shares.map(async ([part, share]) => {
        const place = { apiKeyId, part, parts: Math.max(count, partsOf(apiKeyId, kind)) };
        const { answer, moved } = await ask(share, place);
        answers.push(answer);
        if (!moved) return [];
        learnMoved(apiKeyId, kind, moved.parts);
        return share.filter((item) => moved.ids.includes(idOf(item)));
      }),
    );
    rest = left.flat();
    counts = later.length > 0 ? later : [partsOf(apiKeyId, kind)];
  }
  return answers;
}
