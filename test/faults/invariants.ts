import { expect } from "vitest";
import type { OwnedNumber } from "../../src/phone-numbers/store.ts";
import { outboxRows } from "../support/outbox.ts";
import { BASE, get, rows } from "../support/worker.ts";
import { configuration, numberOf, type World } from "./world.ts";

type Row = Pick<OwnedNumber, "id" | "phone_number"> & { state: string; api_key_id: string };

/** What must hold once the faults have stopped and the reconciliation has run, whatever the history was. */
export async function expectTruth({ tenants, beliefs, customer, acknowledged }: World): Promise<void> {
  const stored = await rows<Row>("phone_numbers");
  for (const belief of beliefs) {
    const { phoneNumber: name, owned, isContested, holder } = belief;
    const row = stored.find(({ phone_number }) => phone_number === name);
    const now = configuration(numberOf(belief));

    // No acknowledged import is lost, and none that was refused or given back is there.
    if (holder) expect(row, `${name} was acknowledged`).toMatchObject({ api_key_id: holder.key.key_id });
    if (holder === null) expect(row, `${name} belongs to nobody`).toBeUndefined();

    if (row) {
      // Either active, with exactly our webhooks...
      expect(row.state, name).toBe("active");
      const base = `${BASE}/webhooks/twilio/${row.id}`;
      expect(now, name).toEqual({
        voice_url: `${base}/voice`,
        voice_fallback_url: `${base}/voice-fallback`,
        sms_url: `${base}/sms`,
        sms_fallback_url: `${base}/sms-fallback`,
        status_callback: `${base}/status`,
        trunk_sid: "",
      });
    } else if (isContested) {
      // ...or not ours, with what its owner had there at some time...
      for (const [field, value] of Object.entries(now)) {
        expect(
          owned.map((values) => values[field as keyof typeof now] ?? ""),
          `${name} ${field}`,
        ).toContain(value);
      }
    } else {
      // ...and where nobody interfered, exactly what its owner had there last.
      expect(now, name).toEqual(owned.at(-1));
    }
  }

  // Who was answered with success was told so by an event as well, and no event waits for anything.
  const told = Map.groupBy(customer.events(), ({ event, phone_number }) => `${event} ${phone_number}`);
  for (const [what, times] of acknowledged) {
    const ids = new Set((told.get(what) ?? []).map(({ event_id }) => event_id));
    expect(ids.size, `${what} was answered so often`).toBeGreaterThanOrEqual(times);
  }
  expect(await rows("pending_events")).toEqual([]);
  expect(new Set((await outboxRows<{ state: string }>()).map(({ state }) => state))).not.toContain("pending");

  // No tenant sees another's.
  for (const { key } of tenants) {
    const { phone_numbers } = await (await get("/v1/phone-numbers", key)).json<{
      phone_numbers: { phone_number: string }[];
    }>();
    const seen = phone_numbers.map(({ phone_number }) => phone_number).sort();
    const own = stored
      .filter(({ api_key_id }) => api_key_id === key.key_id)
      .map(({ phone_number }) => phone_number);
    expect(seen).toEqual(own.sort());
  }
}
