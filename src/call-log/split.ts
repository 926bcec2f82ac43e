import { createLoad } from "../load.ts";
import { type Moved, type Place, partOf } from "../parts.ts";

const PARTS = "parts";

/** Whether this log is one of several parts. */
export const isSplit = ({ kv }: DurableObjectStorage): boolean => kv.get(PARTS) !== undefined;

/** What a part of a log knows of its key's parts. */
export function createSplit({ kv, sql }: DurableObjectStorage) {
  const load = createLoad("call_log");
  let parts = kv.get<number>(PARTS) ?? 1;

  const keep = () => (parts > 1 ? kv.put(PARTS, parts) : undefined);

  function learn(count: number): void {
    if (count <= parts) return;
    parts = count;
    keep();
  }

  return {
    learn,
    /** Writes it down, also in a log that was emptied. */
    keep,
    /** Whether another part has a call or text, unless it began here. */
    movedOf(id: string, place: Place | undefined): Moved | null {
      if (!place) return null;
      learn(place.parts);
      load.note(place, sql.databaseSize);
      return partOf("call_log", id, parts) === place.part ? null : { parts, ids: [id] };
    },
  };
}
