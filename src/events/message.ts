import type { SealedEvent } from "./event.ts";

/** An event from one of Twilio's webhook requests. D1 stores it once, even if Twilio repeats the request. */
export type InboundEvent = { receiptKey: string; event: SealedEvent };

/** A message of the event queue. */
export type EventMessage =
  /** Make the next attempt to deliver an event that is in D1. */
  | { kind: "deliver"; eventId: string }
  /** Store this event: D1 could not store it when Twilio sent it. */
  | { kind: "record"; told: InboundEvent };
