import type { DriftPolicy, Health } from "../phone-numbers/health.ts";

/** The columns of a number that a check needs. */
export type CheckedRow = {
  id: string;
  phone_number: string;
  agent_id: string | null;
  twilio_number_sid: string;
  sms_refused: 0 | 1;
  drift_policy: DriftPolicy;
  health: Health;
  /** JSON array of reasons. */
  health_reasons: string;
  repaired_at: string | null;
  repairs: number;
  updated_at: string;
};
