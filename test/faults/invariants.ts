import { expect } from "vitest";
import { webhooksOf } from "../../src/twilio/webhook-urls.ts";
import { outboxRows } from "../support/outbox.ts";
import { BASE, get, rows } from "../support/worker.ts";
import { type Belief, configuration, numberOf, type Tenant, type World } from "./world.ts";

type Row = {
  id: string;
  twilio_account_id: string;
  phone_number: string;
  state: string;
  api_key_id: string;
  agent_id: string | null;
  health_reasons: string;
};

/** What must hold once the faults have stopped and the reconciliation has run, whatever the history was. */
export async function expectTruth(world: World): Promise<void> {
  const stored = await rows<Row>("phone_numbers");
  const accounts = await rows<{ id: string; health_reasons: string }>("twilio_accounts");
  for (const belief of world.beliefs) {
    const row = stored.find(({ phone_number }) => phone_number === belief.phoneNumber);
    expectBelief(belief, row);
    if (row) expectRow(world, belief, row);
    if (row)
      expectHealth(
        world,
        belief,
        row,
        accounts.find(({ id }) => id === row.twilio_account_id),
      );
    else expectOwners(belief);
  }
  await Promise.all(world.tenants.map((tenant) => expectOwnList(tenant, stored)));
  await expectEvents(world);
}

/** No acknowledged import is lost, and none that was refused or given back is there. */
function expectBelief({ phoneNumber: name, holder, agent }: Belief, row: Row | undefined): void {
  if (holder === null) expect(row?.state, `${name} belongs to nobody`).not.toBe("active");
  if (!holder) return;
  expect(row, `${name} was acknowledged`).toMatchObject({ api_key_id: holder.key.key_id, state: "active" });
  // It is routed to whom its holder said, or to nobody where that agent was deleted by force.
  if (agent) expect(row?.agent_id, `${name} is routed`).toBe(agent.isDeleted ? null : agent.id);
}

function expectRow(
  { tenants }: World,
  belief: Belief,
  { id, twilio_account_id, state, api_key_id }: Row,
): void {
  const { phoneNumber: name, account, kept } = belief;
  const now = configuration(numberOf(belief));
  const webhooks = webhooksOf(BASE, { accountId: twilio_account_id, phoneNumberId: id });
  const ours = {
    voice_url: webhooks.voice,
    voice_fallback_url: webhooks.voiceFallback,
    sms_url: webhooks.sms,
    sms_fallback_url: webhooks.smsFallback,
    status_callback: webhooks.status,
    trunk_sid: "",
  };
  const holder = tenants.find(({ key }) => key.key_id === api_key_id) as Tenant;
  const isReached = !holder.outdated.has(account);
  // Twilio takes no token of this tenant's any more, so neither is finished what was begun nor repaired what differs.
  if (isReached) expect(state, name).toBe("active");
  // Either it has exactly our webhooks...
  if (isReached && !holder.isRevoked) expect(now, name).toEqual(ours);
  // ...or, where nobody repairs it, what its owner has set there since.
  else expectEach(belief, now, ours);
  if (belief.holder === holder) expect(now, name).toMatchObject(kept);
}

/** What is no longer wrong is shown as right; and if Twilio takes no token any more, that is shown. */
function expectHealth(
  { tenants }: World,
  { phoneNumber: name, account }: Belief,
  { health_reasons, api_key_id, state }: Row,
  stored: { health_reasons: string } | undefined,
): void {
  const holder = tenants.find(({ key }) => key.key_id === api_key_id) as Tenant;
  if (state !== "active") return;
  const isReached = !holder.outdated.has(account);
  if (isReached && !holder.isRevoked) expect(health_reasons, `${name} is well`).toBe("[]");
  const reasons = JSON.parse(stored?.health_reasons ?? "[]") as string[];
  if (isReached) expect(reasons, `the account of ${name} is well`).toEqual([]);
  else expect(reasons, `the account of ${name} is refused`).toContain("credentials_rejected");
}

function expectOwners(belief: Belief): void {
  const now = configuration(numberOf(belief));
  // What is not ours has what its owner had there at some time...
  if (belief.isContested) expectEach(belief, now);
  // ...and where nobody interfered, exactly what its owner had there last.
  else expect(now, belief.phoneNumber).toEqual(belief.owned.at(-1));
}

function expectEach(
  { phoneNumber, owned }: Belief,
  now: ReturnType<typeof configuration>,
  ours: Partial<typeof now> = {},
): void {
  for (const [name, value] of Object.entries(now)) {
    const field = name as keyof typeof now;
    const values = [...owned, ours].map((allowed) => allowed[field] ?? "");
    expect(values, `${phoneNumber} ${field}`).toContain(value);
  }
}

/** No tenant sees another's, and one whose key was revoked sees nothing. */
async function expectOwnList({ key, isRevoked }: Tenant, stored: readonly Row[]): Promise<void> {
  const response = await get("/v1/phone-numbers", key);
  expect(response.status).toBe(isRevoked ? 401 : 200);
  if (isRevoked) return;
  type Shown = { phone_number: string; health: string; health_reasons: string[] };
  const { phone_numbers } = await response.json<{ phone_numbers: Shown[] }>();
  for (const { health, health_reasons } of phone_numbers) expect(health).toBe(health_reasons[0] ?? "ok");
  const seen = phone_numbers.map(({ phone_number }) => phone_number);
  const own = stored.filter(({ api_key_id, state }) => api_key_id === key.key_id && state === "active");
  expect(seen.sort()).toEqual(own.map(({ phone_number }) => phone_number).sort());
}

/** A text that was taken in is one event, of the agent it was for, however often it was told; nothing waits any more. */
async function expectEvents({ texts, customer }: World): Promise<void> {
  const events = await outboxRows<{ id: string; state: string }>();
  expect(events.filter(({ state }) => state === "pending")).toEqual([]);
  expect(await rows("pending_events")).toEqual([]);
  if (texts.length === 0) return;
  const received = customer.events().filter(({ event }) => event === "sms.received");
  for (const { sid, agent } of texts) {
    const told = received.filter(({ message_id }) => message_id === sid);
    const ids = new Set(told.map(({ event_id }) => event_id));
    expect(ids.size, `${sid} is not told twice`).toBeLessThanOrEqual(1);
    if (agent === null) expect(ids.size, `${sid} is told to nobody`).toBe(0);
    if (agent && !agent.isDeleted) expect(told[0], `${sid} is told`).toMatchObject({ agent_id: agent.id });
  }
}
