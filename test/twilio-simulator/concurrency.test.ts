import { describe, expect, it } from "vitest";
import { createSimulator } from "./simulator.ts";
import { type Account, addAccount, addNumber } from "./state.ts";

function prepare(maxConcurrentRequests?: number) {
  const at = createSimulator(async () => new Response());
  const limit = maxConcurrentRequests === undefined ? {} : { maxConcurrentRequests };
  const account = addAccount(at.state, limit);
  const list = (of: Account = account, signal?: AbortSignal) =>
    at.fetch(
      new Request(`https://api.twilio.com/2010-04-01/Accounts/${of.sid}/IncomingPhoneNumbers.json`, {
        headers: { authorization: `Basic ${btoa(`${of.sid}:${of.authToken}`)}` },
        ...(signal && { signal }),
      }),
    );
  const statuses = async (count: number) =>
    (await Promise.all(Array.from({ length: count }, () => list()))).map(({ status }) => status);
  return { at, account, list, statuses };
}

describe("the concurrency of an account", () => {
  it("is unlimited by default", async () => {
    expect(await prepare().statuses(100)).not.toContain(429);
  });

  it("answers requests above the limit with 429, error 20429, without Retry-After", async () => {
    const { list, statuses } = prepare(2);
    expect(await statuses(5)).toEqual([200, 200, 429, 429, 429]);
    const [, , refused] = await Promise.all([list(), list(), list()]);
    expect(await refused?.json()).toMatchObject({ status: 429, code: 20429 });
    expect(refused?.headers.get("retry-after")).toBeNull();
  });

  it("has a free place again after a request ends in any way", async () => {
    const { at, list, statuses } = prepare(1);
    expect(await statuses(2)).toEqual([200, 429]);
    at.faults.add({ effect: { kind: "hang" } });
    const caller = new AbortController();
    const hanging = list(undefined, caller.signal);
    expect((await list()).status).toBe(429);
    caller.abort();
    await expect(hanging).rejects.toThrow();
    expect((await list()).status).toBe(200);
  });

  it("is counted for each account", async () => {
    const { at, list } = prepare(1);
    const other = addAccount(at.state, { maxConcurrentRequests: 1 });
    const [first, second] = await Promise.all([list(), list(other)]);
    expect([first?.status, second?.status]).toEqual([200, 200]);
  });

  it("changes nothing for a refused request", async () => {
    const { at, account } = prepare(0);
    const number = addNumber(at.state, account, {
      phone_number: "+15005550001",
      voice_url: "https://a.example/",
    });
    const response = await at.fetch(
      new Request(
        `https://api.twilio.com/2010-04-01/Accounts/${account.sid}/IncomingPhoneNumbers/${number.sid}.json`,
        { method: "POST", body: new URLSearchParams({ VoiceUrl: "https://b.example/" }) },
      ),
    );
    expect(response.status).toBe(429);
    expect(number.voice_url).toBe("https://a.example/");
  });
});
