import { DurableObject } from "cloudflare:workers";
import { armAt, ring, stillRings } from "../../alarms.ts";
import { readConfig } from "../../config.ts";
import { createLogger } from "../../http/log.ts";
import { createRoom } from "../../load.ts";
import type { Moved, Place } from "../../parts.ts";
import { resealEach } from "../../reseal.ts";
import { createServices, type Services } from "../../services.ts";
import { MAX_AT_ONCE, makeAttempts } from "../courier.ts";
import { openPayload, payloadSlot, type SealedEvent } from "../event.ts";
import {
  countBefore,
  type Delivery,
  type DeliveryFilter,
  findDelivery,
  type ListedDelivery,
  listDeliveries,
  placesAt,
} from "./delivery-store.ts";
import { createDispatcher, type Dispatcher, POSTPONED_MS } from "./dispatcher.ts";
import { createMoving, type Moving } from "./moving.ts";
import { forgetOld } from "./retention.ts";
import { createSettings, readSettings, type Settings } from "./schema.ts";
import { findSealed, replaceSealed, reviveFailed } from "./store.ts";
import type { Report, Work } from "./work.ts";

// How long the alarm waits for reports. Setting an alarm writes a row, so a burst of events sets it once.
const WATCH_MS = 5 * 60 * 1000;
const REVIVED_AT_ONCE = 1_000;

/**
 * The events of one API key: written down, handed out to whoever attempts to deliver them, and kept for 30 days.
 *
 * It posts nothing while others do: the Worker that brings an event makes its first attempt. What is left, such as later attempts,
 * the alarm makes. What a method has written is durable when its answer arrives.
 * https://developers.cloudflare.com/durable-objects/api/sqlite-storage-api/
 */
export class EventOutbox extends DurableObject<Env> {
  readonly #sql = this.ctx.storage.sql;
  #known: { services?: Services; settings?: Settings; dispatcher?: Dispatcher | undefined; moving?: Moving } =
    {};
  #alarmAt: number | null = null;
  readonly #makeRoom = createRoom("event_outbox", this.#sql, (now) => void forgetOld(this.ctx.storage, now));

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    ctx.blockConcurrencyWhile(async () => {
      this.#alarmAt = await ctx.storage.getAlarm();
    });
  }

  // Not in the constructor: a faulty configuration would use up the attempts of its alarm.
  get #services(): Services {
    this.#known.services ??= createServices(
      this.env,
      readConfig(this.env),
      createLogger({ object: "event_outbox" }),
      (work) => this.ctx.waitUntil(work),
    );
    return this.#known.services;
  }

  /** Undefined if nothing was ever put into it. */
  get #dispatcher(): Dispatcher | undefined {
    const settings = this.#known.dispatcher ? undefined : readSettings(this.#sql);
    return settings ? this.#begin(settings) : this.#known.dispatcher;
  }

  /**
   * Takes in events, each once however often it comes, and hands out attempts to make.
   *
   * @param place where the caller believes that they belong. Without any events it only hears of a split.
   */
  async accept(
    apiKeyId: string,
    events: readonly SealedEvent[],
    isForced: boolean,
    place?: Place,
  ): Promise<{ works: Work[]; moved: Moved | null }> {
    this.#makeRoom({ key_id: apiKeyId }, Date.now());
    const dispatcher = this.#open(apiKeyId);
    const now = this.#services.now().getTime();
    const moved = (place && this.#known.moving?.elsewhere(events, place, now)) ?? [];
    dispatcher.accept(
      events.filter((event) => !moved.includes(event)),
      isForced,
    );
    const works = await this.#handOut(MAX_AT_ONCE);
    return {
      works,
      moved:
        moved.length > 0 ? { parts: this.#known.settings?.parts ?? 1, ids: moved.map(({ id }) => id) } : null,
    };
  }

  /** Takes in what came of an attempt, and hands out up to `room` others. */
  async report(report: Report, room: number): Promise<Work[]> {
    this.#dispatcher?.report(report);
    return this.#handOut(room);
  }

  /** A page of deliveries, newest first, and how many there are in all. */
  list(
    filter: DeliveryFilter,
    page: { limit: number; offset: number },
  ): { rows: ListedDelivery[]; count: number } {
    const dispatcher = this.#dispatcher;
    return dispatcher
      ? listDeliveries(this.ctx.storage, filter, page, dispatcher.watermark())
      : { rows: [], count: 0 };
  }

  /** See {@link placesAt}. */
  placesAt(filter: DeliveryFilter, offsets: number[]): (number | null)[] {
    const dispatcher = this.#dispatcher;
    if (!dispatcher) return offsets.map(() => null);
    return placesAt(this.#sql, filter, offsets, dispatcher.watermark());
  }

  /** See {@link countBefore}. */
  countBefore(filter: DeliveryFilter, seq: number): number {
    const dispatcher = this.#dispatcher;
    return dispatcher ? countBefore(this.#sql, filter, seq, dispatcher.watermark()) : 0;
  }

  /** Makes a delivery pending again and attempts it at once. `delivery` is null if there is none. */
  async redeliver(id: string): Promise<{ delivery: Delivery | null; works: Work[] }> {
    const seq = this.#dispatcher?.revive(id);
    if (seq === undefined) return { delivery: null, works: [] };
    return { delivery: findDelivery(this.#sql, seq), works: await this.#handOut(MAX_AT_ONCE) };
  }

  /**
   * The same for events behind a place that happened in a time, and failed or wait for another attempt. Open circuits are
   * forgotten.
   *
   * @returns how many, and the place of the last one; null if there are no more
   */
  async redeliverFailed(
    since: number,
    until: number,
    after: number,
  ): Promise<{ count: number; position: number | null; works: Work[] }> {
    if (!this.#dispatcher) return { count: 0, position: null, works: [] };
    const now = this.#services.now().getTime();
    const seqs = reviveFailed(this.#sql, { since, until, after, limit: REVIVED_AT_ONCE }, now);
    this.#dispatcher.forgetCircuits();
    this.#dispatcher.loadDue();
    const position = seqs.length < REVIVED_AT_ONCE ? null : Math.max(...seqs);
    return { count: seqs.length, position, works: await this.#handOut(MAX_AT_ONCE) };
  }

  /** Where events go, or what signs them, has changed. */
  endpointsChanged(): void {
    this.#dispatcher?.endpointsChanged();
  }

  /** Deletes everything. */
  async erase(): Promise<void> {
    // A split is known also to a part that is empty.
    const settings = readSettings(this.#sql);
    this.#known.dispatcher = undefined;
    this.#alarmAt = null;
    await this.ctx.storage.deleteAll();
    if (settings && settings.parts > 1) createSettings(this.#sql, settings.apiKeyId, settings.parts);
  }

  /**
   * Seals anew what other keys than the first sealed, in up to `limit` events behind a place.
   *
   * @returns how many were sealed anew, and the place of the last one that was looked at; null if there are no more
   */
  async reseal(after: number, limit: number): Promise<{ found: number; position: number | null }> {
    if (!this.#dispatcher) return { found: 0, position: null };
    const { vault, log } = this.#services;
    const prefix = `v1.${await vault.currentKeyId()}.`;
    const rows = findSealed(this.#sql, after, limit);
    const about = { column: "event_outbox.payload_sealed", log };
    const found = await resealEach(rows, about, async ({ seq, id, payload_sealed }) => {
      if (payload_sealed.startsWith(prefix)) return false;
      const body = await openPayload(vault, id, payload_sealed);
      replaceSealed(this.#sql, seq, await vault.seal(body, payloadSlot(id)));
      return true;
    });
    return { found, position: rows.length < limit ? null : (rows.at(-1)?.seq ?? null) };
  }

  override alarm(info?: AlarmInvocationInfo): Promise<void> {
    this.#alarmAt = null;
    return ring(this.ctx.storage, "event_outbox", info, () => this.#work());
  }

  async #work(): Promise<void> {
    const dispatcher = this.#dispatcher;
    if (!dispatcher) return;
    dispatcher.loadDue();
    await makeAttempts(
      await dispatcher.take(MAX_AT_ONCE),
      (report, room) => this.report(report, room),
      this.#services,
    );
    const now = this.#services.now().getTime();
    const nextForgetting = forgetOld(this.ctx.storage, now);
    await this.#wake(nextForgetting);
    if (nextForgetting === null && this.#alarmAt === null && this.#known.settings?.parts === 1)
      await this.erase();
  }

  #open(apiKeyId: string): Dispatcher {
    return this.#dispatcher ?? this.#begin(createSettings(this.#sql, apiKeyId, 1));
  }

  #begin(settings: Settings): Dispatcher {
    const dispatcher = createDispatcher(this.#sql, settings, this.#services);
    const moving = createMoving(this.#sql, settings, dispatcher);
    Object.assign(this.#known, { settings, dispatcher, moving });
    return dispatcher;
  }

  async #handOut(room: number): Promise<Work[]> {
    // Before anything is waited for, so that it is written together with what was just taken in.
    if (this.#dispatcher?.hasBacklog()) await this.#wake(this.#in(WATCH_MS));
    const works = (await this.#dispatcher?.take(room)) ?? [];
    // Whoever has no room leaves; what still waits has nobody who comes back for it.
    await this.#wake(room === 0 && this.#dispatcher?.hasBacklog() ? this.#in(0) : null);
    return works;
  }

  readonly #in = (ms: number) => this.#services.now().getTime() + ms;

  /** Sets the alarm to when something is to be done, if that is not what it is set to. */
  async #wake(at: number | null): Promise<void> {
    const dispatcher = this.#dispatcher;
    if (!dispatcher) return;
    const isStuck = dispatcher.hasBacklog() && !dispatcher.isUnderWay();
    const times = [
      at,
      dispatcher.nextDueAt(),
      isStuck ? this.#in(POSTPONED_MS) : null,
      dispatcher.isUnderWay() ? this.#in(WATCH_MS) : null,
    ].filter((time) => time !== null);
    if (times.length === 0) return;
    const next = Math.min(...times);
    if (stillRings(this.#alarmAt) && this.#alarmAt <= next) return;
    this.#alarmAt = next;
    await armAt(this.ctx.storage, next);
  }
}
