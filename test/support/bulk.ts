import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, vi } from "vitest";
import type { Account } from "../twilio-simulator/state.ts";
import { addAccount, addNumber } from "../twilio-simulator/state.ts";
import { keepSecret } from "./logs.ts";
import { twilio } from "./twilio.ts";
import { call, createAgent, createKey, get, type Key } from "./worker.ts";

export type BulkStatus = {
  import_id: string;
  status: string;
  stop_reason: string | null;
  dry_run: boolean;
  total: number;
  counts: Record<"imported" | "already_yours" | "failed" | "skipped" | "planned" | "waiting", number>;
  rate_per_minute: number;
  seconds_left: number | null;
  account_errors: { twilio_sid: string; error: { code: string; message: string } }[];
  started_at: string | null;
  ended_at: string | null;
};

export type BulkResult = {
  phone_number: string;
  twilio_sid: string | null;
  agent_id: string | null;
  external_id: string | null;
  twilio_number_sid: string | null;
  outcome: string | null;
  reason: string | null;
  error: { code: string; message: string; details: Record<string, unknown> } | null;
  plan: { answered_by: unknown; warnings: unknown[]; unchecked: string[] } | null;
};

const PATH = "/v1/phone-number-imports";
export const objectOf = (id: string) => env.BULK_IMPORTS.getByName(id);

/** A parent account and its subaccounts, with numbers that are all different. */
export function haveAccounts(subaccounts: number, numbersEach: number, fields: Partial<Account> = {}) {
  const parent = addAccount(twilio.state);
  const accounts = [
    parent,
    ...Array.from({ length: subaccounts }, () =>
      addAccount(twilio.state, { ownerSid: parent.sid, ...fields }),
    ),
  ];
  const numbers = accounts.flatMap((account, index) =>
    Array.from({ length: numbersEach }, (_, number) =>
      addNumber(twilio.state, account, {
        phone_number: `+1500${String(index * numbersEach + number).padStart(7, "0")}`,
        voice_url: `https://owner.example/${index}/${number}`,
      }),
    ),
  );
  for (const account of accounts) keepSecret(account.authToken);
  return { parent, accounts, numbers };
}

/** An API key with an agent, and the body of a bulk import of everything that the account has. */
export async function prepareBulk(parent: Account, key?: Key) {
  const owner = key ?? (await createKey());
  const agentId = await createAgent(owner);
  const body = { twilio_sid: parent.sid, twilio_token: parent.authToken, agent_id: agentId };
  return { key: owner, agentId, body };
}

export async function begin(key: Key, body: object): Promise<string> {
  const response = await call("POST", PATH, key, body);
  const answer = await response.json<{ import_id: string; status: string }>();
  expect([response.status, answer.status], JSON.stringify(answer)).toEqual([202, "queued"]);
  return answer.import_id;
}

export async function statusOf(key: Key, id: string): Promise<BulkStatus> {
  const response = await get(`${PATH}/${id}`, key);
  expect(response.status).toBe(200);
  return response.json();
}

/**
 * From now on time stands still, an hour from now, unless a bulk import is run: the runtime's own clock rings none of its
 * alarms.
 */
export function holdTime(): void {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 3_600_000 });
}

/**
 * Time passes until the alarm of a bulk import, if it comes so soon, which then rings. What the object dies of is not told.
 */
export async function ring(id: string, withinMs = Number.POSITIVE_INFINITY): Promise<void> {
  try {
    const at = await runInDurableObject(objectOf(id), (_, { storage }) => storage.getAlarm());
    if (at === null || at > Date.now() + withinMs) return;
    if (at > Date.now()) vi.setSystemTime(at);
    await runDurableObjectAlarm(objectOf(id));
  } catch {}
}

/** Lets a bulk import run to its end. */
export async function finish(key: Key, id: string): Promise<BulkStatus> {
  for (let runs = 0; runs < 1_000; runs += 1) {
    // If the runtime's own clock was faster, the next alarm is the one that forgets it all.
    await ring(id, 24 * 3_600_000);
    const response = await get(`${PATH}/${id}`, key);
    // It may have died just now.
    if (response.status === 503) continue;
    const status = await response.json<BulkStatus>();
    if (status.ended_at !== null) return status;
  }
  throw new Error("the bulk import does not end");
}

export async function resultsOf(key: Key, id: string): Promise<BulkResult[]> {
  const results: BulkResult[] = [];
  for (;;) {
    const response = await get(`${PATH}/${id}/results?limit=100&offset=${results.length}`, key);
    const page = await response.json<{ results: BulkResult[]; count: number }>();
    results.push(...page.results);
    if (page.results.length === 0 || results.length >= page.count) return results;
  }
}
