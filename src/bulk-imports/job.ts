import type { Actor } from "../actor.ts";
import type { ErrorBody } from "../http/error-handler.ts";
import type { NumberGiven } from "../phone-numbers/schema.ts";

/** A bulk import, without its numbers. Times in milliseconds. */
export type Job = {
  id: string;
  apiKeyId: string;
  status: "queued" | "running" | "completed" | "cancelled";
  /** Why it was stopped before its end. */
  stopReason: StopReason | null;
  isDryRun: boolean;
  /** Every number of the account is meant. */
  isAll: boolean;
  withSubaccounts: boolean;
  /** The agent of numbers that name none. */
  agentId: string | null;
  /** What is each number's own, unless its item says otherwise. */
  own: NumberGiven;
  accountSid: string;
  /** No Auth Token was sent for it: its numbers are imported with the credential that is stored here. */
  isKnown?: boolean;
  /** False: it names all its numbers, and all are of the known account. A retry needs no more consent than for these. */
  isForAll?: boolean;
  /** The Twilio Region that took the credentials, as `storedRegion` names it. */
  region: string;
  /** Who began it. */
  actor?: Actor | null;
  createdAt: number;
  /** When it began, or was last begun anew. */
  startedAt: number | null;
  endedAt: number | null;
  /** D1 knows that it has ended. */
  isEndNoted: boolean;
};

export type StopReason = "cancelled" | "key_revoked";

/** What became of a number. */
export const OUTCOMES = ["imported", "already_yours", "failed", "skipped", "planned"] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Why a number was skipped. */
export type SkipReason = "duplicate" | StopReason;

/** Who answers a number today, and what to know before it is imported: a part of the single import's dry run. */
export type Plan = { answered_by: unknown; warnings: unknown; unchecked: string[] };

/** A number of a bulk import as the API answers it. */
export type Result = {
  phone_number: string;
  twilio_sid: string | null;
  /** Who answers it, or is to answer it; another one was asked for if the API key had the number already. */
  agent_id: string | null;
  requested_agent_id: string | null;
  external_id: string | null;
  twilio_number_sid: string | null;
  outcome: Outcome | null;
  reason: SkipReason | null;
  error: ErrorBody | null;
  plan: Plan | null;
};

export type Counts = Record<Outcome, number> & { waiting: number };

/** What is known of a bulk import, for whoever asks. */
export type Status = {
  job: Job;
  counts: Counts;
  /** How many numbers were settled in the last minute, or since the begin if that is less. */
  recent: { count: number; ms: number };
  accountErrors: { twilio_sid: string; error: ErrorBody }[];
};
