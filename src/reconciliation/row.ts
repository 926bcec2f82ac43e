import type { DriftPolicy, Health } from "../phone-numbers/health.ts";

/** A number as it is stored, as far as comparing it takes. */
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
