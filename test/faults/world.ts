import { env } from "cloudflare:workers";
import { forgetRoutes } from "../../src/answering/route-cache.ts";
import { RECONCILIATION } from "../../src/queues.ts";
import { deliverQueued, runCron } from "../support/consume.ts";
import { type Customer, startCustomer } from "../support/customer.ts";
import { watchedDatabase } from "../support/database.ts";
import { breakOutboxes, deliverHeld } from "../support/outbox.ts";
import { enqueueIn, takeQueued } from "../support/queue.ts";
import { twilio } from "../support/twilio.ts";
import { call, createAgent, createKey, type Key } from "../support/worker.ts";
import type { NumberResource } from "../twilio-simulator/resource.ts";
import { type Account, addAccount, addNumber, promoteSecondaryToken } from "../twilio-simulator/state.ts";
import type { Disturbance, Step } from "./history.ts";

// Two tenants, two Twilio accounts that both know, four numbers; and what the world outside believes of them.

export type Tenant = { key: Key; agents: string[] };

export type Belief = {
  sid: string;
  phoneNumber: string;
  account: Account;
  /** Every value its owner ever gave a field, the last one last. Nothing else but our webhooks may ever stand there. */
  owned: Partial<NumberResource>[];
  /** Its owner changed it while it was ours: what it has afterwards is one of the owner's values. */
  isContested: boolean;
  /** Who was told that it is theirs; null: whoever had it was told that it is gone; undefined: nobody can know. */
  holder: Tenant | null | undefined;
};

/** What customers were told, and how many imports and releases of each number they were answered with success. */
export type World = {
  tenants: Tenant[];
  beliefs: Belief[];
  customer: Customer;
  acknowledged: Map<string, number>;
};

const FIELDS = [
  "voice_url",
  "voice_fallback_url",
  "sms_url",
  "sms_fallback_url",
  "status_callback",
  "trunk_sid",
] as const;

/** The fields an owner has an interest in, unset ones alike. */
export function configuration(number: NumberResource): Record<(typeof FIELDS)[number], string> {
  return Object.fromEntries(FIELDS.map((field) => [field, number[field] ?? ""])) as ReturnType<
    typeof configuration
  >;
}

export async function createWorld(): Promise<World> {
  const accounts = [addAccount(twilio.state), addAccount(twilio.state)];
  const customer = startCustomer();
  const tenants: Tenant[] = [];
  for (let index = 0; index < 2; index += 1) {
    const key = await createKey();
    const agent = { webhook_url: customer.url };
    tenants.push({ key, agents: [await createAgent(key, agent), await createAgent(key, agent)] });
  }
  const beliefs = [0, 1, 2, 3].map((index): Belief => {
    const account = accounts[index % 2] as Account;
    const number = addNumber(twilio.state, account, {
      phone_number: `+1500555000${index}`,
      voice_url: index === 0 ? null : `https://owner.example/voice?n=${index}`,
      voice_fallback_url: index === 3 ? "https://owner.example/voice-fallback" : null,
      sms_url: index === 2 ? "" : `https://owner.example/sms/${index}`,
      trunk_sid: index === 1 ? `TK${"1".repeat(32)}` : null,
    });
    const { sid, phone_number: phoneNumber } = number;
    return { sid, phoneNumber, account, owned: [configuration(number)], isContested: false, holder: null };
  });
  return { tenants, beliefs, customer, acknowledged: new Map() };
}

const path = ({ phoneNumber }: Belief) => `/v1/phone-numbers/${encodeURIComponent(phoneNumber)}`;

/** The number as Twilio has it now. */
export function numberOf({ sid }: Belief): NumberResource {
  return twilio.state.numbers.get(sid) as NumberResource;
}

const isOurs = (number: NumberResource) => JSON.stringify(number).includes("/webhooks/twilio/");

/** Does one step of a history. What is lost on the way is lost: nothing is asserted here. */
export async function take(world: World, step: Step, disturbance: Disturbance): Promise<void> {
  const tenant = world.tenants[step.tenant] as Tenant;
  const belief = world.beliefs[step.number] as Belief;
  const overrides = disturb(disturbance);
  switch (step.kind) {
    case "import": {
      const body = {
        phone_number: belief.phoneNumber,
        twilio_sid: belief.account.sid,
        twilio_token: belief.account.authToken,
        agent_id: tenant.agents[0],
      };
      const response = await call("POST", "/v1/phone-numbers", tenant.key, body, overrides);
      if (response.status === 201) {
        belief.holder = tenant;
        acknowledge(world, "number.imported", belief);
      } else if (belief.holder === null && (await response.text()).includes('"outcome":"unknown"')) {
        belief.holder = undefined;
      }
      return;
    }
    case "release": {
      const { status } = await call("DELETE", path(belief), tenant.key, undefined, overrides);
      if (status === 200) {
        belief.holder = null;
        acknowledge(world, "number.released", belief);
      } else if (status !== 404 && belief.holder === tenant) belief.holder = undefined;
      return;
    }
    case "move":
      await call("PATCH", path(belief), tenant.key, { agent_id: tenant.agents[1] }, overrides);
      return;
    case "check":
      await call("POST", `${path(belief)}/check`, tenant.key, undefined, overrides);
      return;
    case "rotate": {
      const { account } = belief;
      account.secondaryAuthToken ??= crypto.randomUUID().replaceAll("-", "");
      const body = { twilio_token: account.secondaryAuthToken };
      const { status } = await call("PATCH", path(belief), tenant.key, body, overrides);
      if (status === 200) promoteSecondaryToken(account);
      return;
    }
    case "edit": {
      const value = `https://owner.example/new/${step.value}`;
      const number = numberOf(belief);
      if (isOurs(number)) belief.isContested = true;
      number[step.field] = value;
      // Whoever sets a voice URL sees what is bound beside it, and wants it so.
      const bound = step.field === "voice_url" && { trunk_sid: number.trunk_sid ?? "" };
      belief.owned.push({ ...belief.owned.at(-1), [step.field]: value, ...bound });
      return;
    }
    case "cron":
      await env.DB.prepare("UPDATE twilio_accounts SET next_check_at = '2020'").run();
      await runCron("*/15 * * * *", overrides.env).catch(() => undefined);
      return;
    case "deliver": {
      const messages = takeQueued(RECONCILIATION);
      enqueueIn(RECONCILIATION, ...messages, ...(step.isDoubled ? messages : []));
      await deliverQueued(RECONCILIATION, overrides.env);
      return;
    }
    case "forget":
      // The queue loses what it has; and time passes.
      takeQueued(RECONCILIATION);
      await expireLeases();
      return;
  }
}

function acknowledge({ acknowledged }: World, event: string, { phoneNumber }: Belief): void {
  const what = `${event} ${phoneNumber}`;
  acknowledged.set(what, (acknowledged.get(what) ?? 0) + 1);
}

/** Everything that can go wrong with a step, at once. */
function disturb({ twilio: faults, database, deathAfter, outbox }: Disturbance): { env: Partial<Env> } {
  for (const fault of faults) twilio.faults.add(fault);
  if (outbox) breakOutboxes({ when: outbox });
  if (deathAfter !== null) return { env: mortal(deathAfter) };
  return { env: { TWILIO_TIMEOUT_MS: "30", ...(database && { DB: watchedDatabase(database).DB }) } };
}

/** Bindings of an isolate that dies after so many trips to D1: nothing of it reaches D1 or Twilio any more. */
function mortal(trips: number): Partial<Env> {
  const { DB } = watchedDatabase({
    trip: trips + 1,
    when: "before",
    times: 1_000_000,
    onFail: () => deaden(),
  });
  return { DB, TWILIO_TIMEOUT_MS: "30" };
}

let revive: (() => void) | undefined;

function deaden(): void {
  if (revive) return;
  const { fetch } = twilio;
  twilio.fetch = async () => {
    throw new TypeError("Network connection lost.");
  };
  revive = () => {
    twilio.fetch = fetch;
    revive = undefined;
  };
}

/** After each step: what was broken on purpose and did not come to pass, must not befall the next. */
export function calm(): void {
  twilio.faults.clear();
  breakOutboxes(false);
  revive?.();
}

/** Time passes: leases are over, and what Twilio was late with is done. */
export async function expireLeases(): Promise<void> {
  await twilio.finishLate();
  await env.DB.batch([
    env.DB.prepare("UPDATE phone_numbers SET next_return_at = NULL WHERE state = 'importing'"),
    env.DB.prepare("UPDATE phone_numbers SET lease_expires_at = '2020' WHERE lease_expires_at IS NOT NULL"),
    env.DB.prepare("UPDATE twilio_accounts SET check_lease_expires_at = NULL"),
  ]);
}

/** No more faults, time passes, and the cron runs until nothing is left to do. */
export async function settle({ tenants }: World): Promise<void> {
  calm();
  for (let round = 0; round < 2; round += 1) {
    await expireLeases();
    // Nobody fights us any more.
    await env.DB.prepare("UPDATE phone_numbers SET repairs = 0, health_reasons = '[]'").run();
    await env.DB.prepare("UPDATE phone_numbers SET next_return_at = NULL").run();
    await env.DB.prepare("UPDATE twilio_accounts SET next_check_at = '2020'").run();
    takeQueued(RECONCILIATION);
    await runCron("*/15 * * * *");
    await deliverQueued(RECONCILIATION);
  }
  await deliverHeld();
  for (const { key } of tenants) forgetRoutes(key.key_id);
}
