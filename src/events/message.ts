import type { SealedEvent } from "./event.ts";

/** Something Twilio told us, which is kept once however often it is told. */
export type InboundEvent = { receiptKey: string; event: SealedEvent };

/** What the queue of events carries. */
export type EventMessage =
  /** Make the next attempt to deliver an event that is in D1. */
  | { kind: "deliver"; eventId: string }
  /** Write down what Twilio told us: D1 could not take it when it was told. */
  | { kind: "record"; told: InboundEvent };
