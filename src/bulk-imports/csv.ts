import { isE164 } from "../twilio/e164.ts";
import type { Result } from "./job.ts";

// Results as comma-separated values (RFC 4180).

const COLUMNS = [
  "phone_number",
  "twilio_sid",
  "agent_id",
  "requested_agent_id",
  "external_id",
  "twilio_number_sid",
  "outcome",
  "reason",
  "error_code",
  "error_message",
] as const;

export const CSV_HEADER = `${COLUMNS.join(",")}\r\n`;

export function csvLine({ error, ...result }: Result): string {
  const values = { ...result, error_code: error?.code ?? null, error_message: error?.message ?? null };
  return `${COLUMNS.map((column) => cell(values[column] ?? "")).join(",")}\r\n`;
}

/**
 * One cell. A spreadsheet takes a cell that begins with one of these characters for a formula, so an apostrophe stands before
 * it (https://owasp.org/www-community/attacks/CSV_Injection). A number in E.164 is a number to both.
 */
export function cell(value: string): string {
  const safe =
    /^\s*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/.test(value) && !isE164(value) ? `'${value}` : value;
  return /[",;\t\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
