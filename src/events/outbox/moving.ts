import { createLoad } from "../../load.ts";
import { type Place, partOf } from "../../parts.ts";
import type { SealedEvent } from "../event.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { type Settings, writeParts } from "./schema.ts";
import * as store from "./store.ts";

/** A lane with hardly a moment's rest is looked at often enough to find one; each look reads what waits. */
const LOOK_MS = 10_000;

/** What an outbox no longer takes since it was split. */
export type Moving = ReturnType<typeof createMoving>;

export function createMoving(
  sql: SqlStorage,
  settings: Settings,
  { watermark, hasTaken }: Pick<Dispatcher, "watermark" | "hasTaken">,
) {
  const load = createLoad("outbox");
  // Nothing is added to a lane that is not in it: a lane that has left never comes back.
  let waiting: { lanes: ReadonlySet<string>; at: number } | undefined;

  return {
    /**
     * Those that belong to another part. What waits here of their lane goes out before them, so they wait behind it; what came
     * here before the split does not come anew.
     */
    elsewhere(events: readonly SealedEvent[], place: Place, now: number): SealedEvent[] {
      const { part, parts } = place;
      // One that brings events, and one that reports each attempt.
      load.note(place, sql.databaseSize, 1 + events.length);
      if (parts > settings.parts) {
        settings.parts = parts;
        writeParts(sql, parts);
      }
      const others = events.filter(({ lane }) => partOf("outbox", lane, settings.parts) !== part);
      if (others.length === 0) return [];
      if (!waiting || now - waiting.at > LOOK_MS)
        waiting = { lanes: store.findWaitingLanes(sql, watermark()), at: now };
      const { lanes } = waiting;
      const taken = hasTaken(others, now);
      return others.filter(({ id, lane }) => !lanes.has(lane) && !taken.has(id));
    },
  };
}
