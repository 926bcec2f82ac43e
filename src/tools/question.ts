import type { Fault } from "./ask.ts";

/** What is told of a fault: once an hour for each number, because within the hour the event has the same id. */
export function failureOf(
  phoneNumberId: string,
  about: string,
  { fault: reason, ...facts }: Fault,
  now: Date,
) {
  const hour = now.toISOString().slice(0, "2026-01-31T12".length);
  return { receipt: `${phoneNumberId}/inbound_url.failed/${hour}`, data: { about, reason, ...facts } };
}
