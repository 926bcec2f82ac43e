import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { CHANNELS, type Channel, takenChannels } from "../../src/phone-numbers/channels.ts";
import { webhooksOf } from "../../src/twilio/webhook-urls.ts";
import { credentialSlot } from "../../src/twilio-accounts/credential.ts";
import { createVault } from "../../src/vault/vault.ts";
import { outboxRows } from "../support/outbox.ts";
import { twilio } from "../support/twilio.ts";
import { BASE, get, rows } from "../support/worker.ts";
import type { Account } from "../twilio-simulator/state.ts";
import { isOutdated } from "./credentials.ts";
import { type Belief, configuration, numberOf, ofChannels, type Tenant, type World } from "./world.ts";

type Row = {
  id: string;
  twilio_account_id: string;
  twilio_number_sid: string;
  phone_number: string;
  state: string;
  api_key_id: string;
  agent_id: string | null;
  drift_policy: string;
  health_reasons: string;
  channels: string;
  changing_channel: Channel | null;
};

type AccountRow = {
  id: string;
  account_sid: string;
  api_key_sid: string | null;
  health_reasons: string;
  auth_token_sealed: string;
};

const vault = createVault(env.TOKEN_ENCRYPTION_KEYS);

/** What must hold once the faults have stopped and the reconciliation has run, whatever the history was. */
export async function expectTruth(world: World): Promise<void> {
  const stored = await rows<Row>("phone_numbers");
  const accounts = await rows<AccountRow>("twilio_accounts");
  for (const belief of world.beliefs) {
    const row = stored.find(({ phone_number }) => phone_number === belief.phoneNumber);
    expectBelief(belief, row);
    const account = accounts.find(({ id }) => id === row?.twilio_account_id);
    if (!row || !account) expectOwners(belief);
    else {
      const holder = world.tenants.find(({ key }) => key.key_id === row.api_key_id) as Tenant;
      const atTwilio = twilio.state.accounts.get(account.account_sid) as Account;
      const isReached = await opens(account, atTwilio);
      if (!isOutdated(holder, atTwilio)) expect(isReached, "the token that was told is kept").toBe(true);
      const isMoved = row.twilio_number_sid !== belief.sid;
      if (isMoved) expectOwners(belief);
      const found: Found = { row, account, holder, isReached, isMoved };
      expectRow(belief, found);
      if (row.state === "active") expectHealth(world, belief, found);
    }
  }
  await Promise.all(world.tenants.map((tenant) => expectOwnList(tenant, stored)));
  await expectEvents(world);
  expectOutside(world);
}

/** No acknowledged import is lost, and none that was refused or given back is there. */
function expectBelief({ phoneNumber: name, holder, agent }: Belief, row: Row | undefined): void {
  if (holder === null) expect(row?.state, `${name} belongs to nobody`).not.toBe("active");
  if (!holder) return;
  expect(row, `${name} was acknowledged`).toMatchObject({ api_key_id: holder.key.key_id, state: "active" });
  // It is routed to whom its holder said, or to nobody where that agent was deleted by force.
  if (agent) expect(row?.agent_id, `${name} is routed`).toBe(agent.isDeleted ? null : agent.id);
}

/** What nobody has asked for is what its owner set last. */
export function expectUntouched(belief: Belief): void {
  const left = CHANNELS.filter((channel) => !belief.wanted.has(channel));
  const now = ofChannels(configuration(numberOf(belief)), left);
  expect(now, `${belief.phoneNumber} ${left}`).toEqual(ofChannels(belief.owned.at(-1) as typeof now, left));
}

/** Whether Twilio takes the token that is stored. A refused import may have told it as well. */
async function opens(
  row: AccountRow,
  { authToken, secondaryAuthToken, apiKeys = [] }: Account,
): Promise<boolean> {
  const token = await vault.open(row.auth_token_sealed, credentialSlot(row));
  if (row.api_key_sid !== null)
    return apiKeys.some(({ sid, secret }) => sid === row.api_key_sid && secret === token);
  return token === authToken || token === secondaryAuthToken;
}

/** A number here, and whether its Twilio account can be asked, and has it. */
type Found = { row: Row; account: AccountRow; holder: Tenant; isReached: boolean; isMoved: boolean };

function oursOf({ row: { id, twilio_account_id } }: Found): ReturnType<typeof configuration> {
  const webhooks = webhooksOf(BASE, { accountId: twilio_account_id, phoneNumberId: id });
  return {
    voice_url: webhooks.voice,
    voice_fallback_url: webhooks.voiceFallback,
    sms_url: webhooks.sms,
    sms_fallback_url: webhooks.smsFallback,
    status_callback: webhooks.status,
    trunk_sid: "",
  };
}

function expectRow(belief: Belief, found: Found): void {
  const { phoneNumber: name, kept, policy } = belief;
  const { row, holder, isReached, isMoved } = found;
  // Twilio takes no token of this tenant's any more, so neither is finished what was begun nor repaired what differs.
  if (isReached) expect(row.state, name).toBe("active");
  if (belief.holder === holder && policy) expect(row.drift_policy, `${name} has its policy`).toBe(policy);
  if (isMoved) return;
  const now = configuration(numberOf(belief));
  const isRepaired = isReached && !holder.isRevoked && row.drift_policy === "repair";
  const taken = JSON.parse(row.channels) as Channel[];
  const others = CHANNELS.filter((channel) => !taken.includes(channel));
  if (isReached && belief.holder === holder && belief.channels)
    expect(taken, `${name} is imported for`).toEqual(belief.channels);
  if (isReached && !holder.isRevoked) {
    expect(row.changing_channel, name).toBeNull();
    expectOwners(belief, others);
  }
  // Either it has exactly our webhooks...
  if (isRepaired) expect(ofChannels(now, taken), name).toEqual(ofChannels(oursOf(found), taken));
  // ...or, where nobody repairs it, what its owner has set there since.
  else expectEach(belief, now, oursOf(found));
  if (belief.holder === holder) expect(now, name).toMatchObject(kept);
}

const SIGNATURE_REASONS = ["signed_by_other_key", "signatures_refused", "signatures_unproven"];

/** What is wrong is shown, and what is no longer wrong is shown as right. */
function expectHealth({ heard }: World, belief: Belief, found: Found): void {
  const { phoneNumber: name } = belief;
  const { row, account, isReached, isMoved } = found;
  const reasons = JSON.parse(row.health_reasons) as string[];
  const taken = takenChannels(row);
  const [now, ours] = [configuration(numberOf(belief)), oursOf(found)].map((all) => ofChannels(all, taken));
  const isOurs = JSON.stringify(now) === JSON.stringify(ours);
  if (isReached && isMoved) expect(reasons, `${name} is missing`).toEqual(["number_missing"]);
  else if (isReached) expect(reasons.length === 0, `${name} is well: ${row.health_reasons}`).toBe(isOurs);
  const ofAccount = JSON.parse(account.health_reasons) as string[];
  // Who signs shows with the next request only.
  const others = ofAccount.filter((reason) => heard.has(account.id) || !SIGNATURE_REASONS.includes(reason));
  if (isReached) expect(others, `the account of ${name} is well`).toEqual([]);
  else expect(ofAccount, `the account of ${name} is refused`).toContain("credentials_rejected");
}

function expectOwners(belief: Belief, channels: readonly Channel[] = CHANNELS): void {
  const now = ofChannels(configuration(numberOf(belief)), channels);
  // What is not ours has what its owner had there at some time...
  if (belief.isContested) expectEach(belief, now);
  // ...and where nobody interfered, exactly what its owner had there last.
  else expect(now, belief.phoneNumber).toEqual(ofChannels(belief.owned.at(-1) as typeof now, channels));
}

function expectEach(
  { phoneNumber, owned }: Belief,
  now: Partial<ReturnType<typeof configuration>>,
  ours: Partial<typeof now> = {},
): void {
  for (const [name, value] of Object.entries(now)) {
    const field = name as keyof typeof now;
    const values = [...owned, ours].map((allowed) => allowed[field] ?? "");
    expect(values, `${phoneNumber} ${field}`).toContain(value);
  }
}

/** No tenant sees another's, and one whose key was revoked sees nothing; and the sum of them says the same. */
async function expectOwnList({ key, isRevoked }: Tenant, stored: readonly Row[]): Promise<void> {
  const [response, sum] = [await get("/v1/phone-numbers", key), await get("/v1/account/health", key)];
  expect([response.status, sum.status]).toEqual(isRevoked ? [401, 401] : [200, 200]);
  if (isRevoked) return;
  type Shown = { phone_number: string; health: string; health_reasons: string[] };
  const { phone_numbers } = await response.json<{ phone_numbers: Shown[] }>();
  for (const { health, health_reasons } of phone_numbers) expect(health).toBe(health_reasons[0] ?? "ok");
  const seen = phone_numbers.map(({ phone_number }) => phone_number);
  const own = stored.filter(({ api_key_id, state }) => api_key_id === key.key_id && state === "active");
  expect(seen.sort()).toEqual(own.map(({ phone_number }) => phone_number).sort());
  const byHealth = Map.groupBy(phone_numbers, ({ health }) => health);
  expect(await sum.json()).toMatchObject({
    status: phone_numbers.every(({ health }) => health === "ok") ? "ok" : "attention",
    phone_numbers: {
      count: seen.length,
      by_health: Object.fromEntries([...byHealth].map(([health, { length }]) => [health, length])),
    },
  });
}

/** What an event says of the world outside, which no transaction knows. */
function expectOutside({ ruled, rotated, tenants, customer }: World): void {
  for (const event of customer.events()) {
    const { event: type, reason, twilio_sid: sid, name, used, limit } = event;
    const isKnown = (accounts: Set<string>) => expect(accounts, `${type} ${reason}`).toContain(sid);
    if (reason === "signed_by_other_key") isKnown(ruled);
    if (reason === "signatures_refused") isKnown(rotated);
    if (name !== "texts_per_day") continue;
    expect(used).toBe(Math.ceil(Number(limit) * 0.8));
    const sent = tenants.filter(({ limits }) => limits.some(({ textsPerDay }) => textsPerDay === limit));
    expect(Math.max(...sent.map(({ texts }) => texts.tried)), "so many were sent").toBeGreaterThanOrEqual(
      Number(used),
    );
  }
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
