import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { startCustomer } from "../support/customer.ts";
import { prepareImport } from "../support/import.ts";
import { logLines } from "../support/logs.ts";
import { operations, twilio } from "../support/twilio.ts";
import {
  asAdmin,
  call,
  createAgent,
  createKey,
  expectError,
  get,
  type Key,
  post,
  rows,
} from "../support/worker.ts";
import { effects } from "../twilio-simulator/faults.ts";

// A number that its key no longer has at Twilio belongs to whoever Twilio shows it to.

const NUMBER = "+447446466847";
const DAY_MS = 24 * 60 * 60 * 1_000;

type Row = { id: string; api_key_id: string; missing_since: string | null };

/** Imported by one key, and now in another's Twilio account. @param isGone from the first one's account, too */
async function moved({ isGone }: { isGone: boolean }) {
  const customer = startCustomer();
  const former = await prepareImport({ phone_number: NUMBER });
  const agentId = await createAgent(former.key, { webhook_url: customer.url });
  const body = { ...former.body, agent_id: agentId, external_id: "branch-17" };
  expect((await post("/v1/phone-numbers", body, { key: former.key })).status).toBe(201);
  const key = await createKey();
  const owner = await prepareImport({ phone_number: NUMBER }, key);
  if (isGone) twilio.state.numbers.delete(former.number.sid);
  return { customer, former, owner, importIt: () => post("/v1/phone-numbers", owner.body, { key }) };
}

const listed = async (key: Key) =>
  (await (await get("/v1/phone-numbers", key)).json<{ count: number }>()).count;

describe("a number that Twilio shows in another account than its row's", () => {
  it("goes to its new owner, if its own account no longer has it; the former key is told", async () => {
    const { customer, former, owner, importIt } = await moved({ isGone: true });
    const before = (await rows<Row>("phone_numbers"))[0];
    expect((await importIt()).status).toBe(201);
    const [row] = await rows<Row>("phone_numbers");
    expect(row?.api_key_id).toBe(owner.key.key_id);
    expect(row?.id).not.toBe(before?.id);
    expect([await listed(former.key), await listed(owner.key)]).toEqual([0, 1]);
    await vi.waitFor(() =>
      expect(customer.events()).toContainEqual(
        expect.objectContaining({
          event: "number.lost",
          phone_number: NUMBER,
          external_id: "branch-17",
          reason: "in_another_account",
        }),
      ),
    );
    expect(logLines().map(({ event }) => event)).toContain("number_lost");
    expect(
      (await rows<{ api_key_id: string }>("twilio_accounts")).map(({ api_key_id }) => api_key_id),
    ).toEqual([owner.key.key_id]);
  });

  it("is told to the key, if its agent has no webhook_url or is gone", async () => {
    const { customer, former, importIt } = await moved({ isGone: true });
    const { phone_numbers } = await (await get("/v1/phone-numbers", former.key)).json<{
      phone_numbers: { agent_id: string }[];
    }>();
    await createAgent(former.key, { webhook_url: customer.url });
    await call("DELETE", `/v1/agents/${phone_numbers[0]?.agent_id}?force=true`, former.key);
    expect((await importIt()).status).toBe(201);
    await vi.waitFor(() =>
      expect(customer.events()).toContainEqual(
        expect.objectContaining({ event: "number.lost", phone_number: NUMBER, agent_id: null }),
      ),
    );
  });

  it("stays, if its own account still has it", async () => {
    const { former, importIt } = await moved({ isGone: false });
    await expectError(await importIt(), 409, "number_already_imported");
    expect((await rows<Row>("phone_numbers"))[0]).toMatchObject({
      api_key_id: former.key.key_id,
      missing_since: null,
    });
  });

  it("goes after seven days, if its own account cannot be asked", async () => {
    const { former, owner, importIt } = await moved({ isGone: true });
    former.account.authToken = "0".repeat(32);
    await expectError(await importIt(), 409, "number_already_imported");
    const [row] = await rows<Row>("phone_numbers");
    expect(row?.missing_since).not.toBeNull();
    const now = Date.now();
    vi.useFakeTimers({ toFake: ["Date"], now: now + 6 * DAY_MS });
    try {
      await expectError(await importIt(), 409, "number_already_imported");
      vi.setSystemTime(now + 7 * DAY_MS + 60_000);
      expect((await importIt()).status).toBe(201);
    } finally {
      vi.useRealTimers();
    }
    expect((await rows<Row>("phone_numbers"))[0]?.api_key_id).toBe(owner.key.key_id);
  });

  it("stays, if only Twilio does not answer; and what was noted ends with the next check that finds it", async () => {
    const { former, importIt } = await moved({ isGone: false });
    twilio.faults.add({ effect: effects.serverErrorHtml, operation: "fetch", times: 3 });
    await expectError(await importIt(), 409, "number_already_imported");
    expect((await rows<Row>("phone_numbers"))[0]?.missing_since).not.toBeNull();
    twilio.faults.clear();
    const path = `/v1/phone-numbers/${encodeURIComponent(NUMBER)}/check`;
    expect((await call("POST", path, former.key)).status).toBe(200);
    expect((await rows<Row>("phone_numbers"))[0]?.missing_since).toBeNull();
  });

  it("of the same account costs nothing more: another key's token is no claim", async () => {
    const first = await prepareImport({ phone_number: NUMBER });
    expect((await post("/v1/phone-numbers", first.body, { key: first.key })).status).toBe(201);
    const key = await createKey();
    const before = operations().length;
    const body = { ...first.body, agent_id: await createAgent(key) };
    await expectError(await post("/v1/phone-numbers", body, { key }), 409, "number_already_imported");
    expect(operations().slice(before)).not.toContain("fetch");
  });
});

describe("DELETE /v1/admin/phone-numbers/{number}", () => {
  const release = (token: string, number = NUMBER) =>
    asAdmin("DELETE", `/v1/admin/phone-numbers/${encodeURIComponent(number)}`, {
      headers: { authorization: `Bearer ${token}` },
    });

  it("releases a number of any key, for the operator alone", async () => {
    const { key, body, number } = await prepareImport({
      phone_number: NUMBER,
      voice_url: "https://old.example.com/v",
    });
    expect((await post("/v1/phone-numbers", body, { key })).status).toBe(201);
    await expectError(await release(`${key.key_id}:${key.key_secret}`), 401, "invalid_admin_token");
    const response = await release(env.ADMIN_TOKEN);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      phone_number: { phone_number: NUMBER, deleted: true, key_id: key.key_id },
    });
    expect(await rows("phone_numbers")).toEqual([]);
    expect(twilio.state.numbers.get(number.sid)?.voice_url).toBe("https://old.example.com/v");
    await expectError(await release(env.ADMIN_TOKEN), 404, "number_not_found");
    await expectError(await release(env.ADMIN_TOKEN, `PN${"0".repeat(32)}`), 404, "number_not_found");
  });
});
