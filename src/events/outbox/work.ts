import type { Attempt } from "../delivery.ts";

/** An attempt to make: what the outbox hands to whoever makes it. */
export type Work = {
  seq: number;
  id: string;
  apiKeyId: string;
  payloadSealed: string;
  /** Before this attempt. */
  attemptsLeft: number;
  /** When it was taken in, or last delivered anew. */
  queuedAt: number;
  url: string;
  secretSealed: string | null;
  previousSecretSealed: string | null;
};

/** What came of it. `attempt` is null if none could be made: the event waits for another try. */
export type Report = {
  seq: number;
  id: string;
  /** As in the work: if they are others by now, this attempt was overtaken. */
  attemptsLeft: number;
  queuedAt: number;
  url: string;
  attempt: Attempt | null;
};
