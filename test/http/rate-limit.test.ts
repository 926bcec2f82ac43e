import { describe, expect, it } from "vitest";
import { RANGES } from "../../src/limits.ts";
import { haveImported, STRAY_ID, tell } from "../support/answering.ts";
import { watchedDatabase } from "../support/database.ts";
import { call, createKey, expectError, get } from "../support/worker.ts";

const spent = { limit: async () => ({ success: false }) } as unknown as RateLimit;

describe("rate limits", () => {
  it("are the runtime's own, per API key: the 121st write in a minute is refused", async () => {
    const [key, other] = [await createKey(), await createKey()];
    const write = (by = key) => call("DELETE", "/v1/agents/agent_0000000000000000", by);
    // All at once: on a slow machine a minute may end between them, and one of the two then has 121 of them.
    const answers = await Promise.all(Array.from({ length: 250 }, () => write()));
    const statuses = new Set(answers.map(({ status }) => status));
    expect(statuses).toEqual(new Set([404, 429]));
    expect((await write(other)).status).toBe(404);
    expect((await get("/v1/agents", key)).status).toBe(200);
  });

  it("answer 429 with Retry-After, reads and writes apart", async () => {
    const key = await createKey();
    const read = await call("GET", "/v1/agents", key, undefined, { env: { READ_LIMIT: spent } });
    const error = await expectError(read, 429, "rate_limit_exceeded");
    expect(error.type).toBe("rate_limit_error");
    expect(error.details).toEqual({ retry_after: 60 });
    expect(read.headers.get("retry-after")).toBe("60");
    const write = await call("POST", "/v1/agents", key, { name: "x" }, { env: { WRITE_LIMIT: spent } });
    await expectError(write, 429, "rate_limit_exceeded");
    expect((await call("GET", "/v1/agents", key, undefined, { env: { WRITE_LIMIT: spent } })).status).toBe(
      200,
    );
  });

  it("let a key send calls and texts as fast as its calls_per_second may say, whatever it writes beside", async () => {
    const { key, agentId } = await haveImported();
    const text = { agent_id: agentId, to: "+15005550009", message: "Hello." };
    const [none, all] = [{ WRITE_LIMIT: spent }, { SENDING_LIMIT: spent }];
    const limits = { DEFAULT_LIMITS: '{"calls_per_second":100,"allowed_countries":["*"]}' };
    const sent = await call("POST", "/v1/sms", key, text, { env: { ...none, ...limits } });
    expect(sent.status).toBe(201);
    for (const path of ["/v1/sms", "/v1/calls", "/v1/calls/outbound"])
      await expectError(await call("POST", path, key, text, { env: all }), 429, "rate_limit_exceeded");
    // What the ceiling lets through is the largest calls_per_second.
    expect(6_000 / 60).toBe(RANGES.calls_per_second.max);
  });

  it("are counted for whoever has shown an API key, and for nobody else", async () => {
    const stranger = { key_id: `nxf_${"0".repeat(32)}`, key_secret: "x" };
    const response = await call("GET", "/v1/agents", stranger, undefined, { env: { READ_LIMIT: spent } });
    await expectError(response, 401, "invalid_api_key");
  });

  describe("of a number's webhooks", () => {
    /** Refuses what is counted under one of these. */
    const limiting = (...full: string[]) => {
      const asked: string[] = [];
      const limit = async ({ key }: { key: string }) => {
        asked.push(key);
        return { success: !full.includes(key) };
      };
      const { DB, trips } = watchedDatabase();
      return { asked, trips, env: { WEBHOOK_LIMIT: { limit } as unknown as RateLimit, DB } };
    };
    const call = { CallSid: "CA1" };
    const forged = { signature: "A".repeat(28) };

    it("refuse what is signed, and its fallback by itself", async () => {
      const imported = await haveImported();
      expect((await tell(imported, "voice", call)).status).toBe(200);
      const { env, asked, trips } = limiting(imported.id);
      const refused = await tell(imported, "voice", call, { env });
      const error = await expectError(refused, 429, "rate_limit_exceeded");
      expect(error.details).toEqual({ retry_after: 60 });
      expect(trips()).toBe(0);
      expect((await tell(imported, "voice-fallback", call, { env })).status).toBe(200);
      expect(asked).toEqual([imported.id, `${imported.id}/fallback`]);
    });

    it("are not used up by what is not signed, which asks D1 so often at most", async () => {
      const imported = await haveImported();
      expect((await tell(imported, "voice", call)).status).toBe(200);
      const { env, asked } = limiting();
      await expectError(await tell(imported, "voice", call, { env, ...forged }), 403, "invalid_signature");
      expect(asked).toEqual([`${imported.id}/stale`]);
      const full = limiting(`${imported.id}/stale`);
      const refused = await tell(imported, "voice", call, { env: full.env, ...forged });
      await expectError(refused, 429, "rate_limit_exceeded");
      expect(full.trips()).toBe(0);
      expect((await tell(imported, "voice", call, { env: full.env })).status).toBe(200);
    });

    it("bound the looks for numbers that are not there any more", async () => {
      const { env, trips } = limiting(`${STRAY_ID}/cold`);
      const { account } = await haveImported();
      const refused = await tell({ id: STRAY_ID, account }, "voice", call, { env });
      await expectError(refused, 429, "rate_limit_exceeded");
      expect(trips()).toBe(0);
    });

    it("count a made-up id, or no signature, nowhere", async () => {
      const { env, asked, trips } = limiting();
      const { account } = await haveImported();
      const madeUp = { id: `num_${"0".repeat(48)}`, account };
      expect(await (await tell(madeUp, "voice", call, { env })).text()).toContain("not taking calls");
      await expectError(await tell(madeUp, "voice", call, { env, signature: "" }), 403, "invalid_signature");
      expect([asked, trips()]).toEqual([[], 0]);
    });
  });

  it("leave an Idempotency-Key usable", async () => {
    const key = await createKey();
    const headers = { "idempotency-key": "abc" };
    const create = (env: Partial<Env> = {}) =>
      call("POST", "/v1/agents", key, { name: "x" }, { headers, env });
    await expectError(await create({ WRITE_LIMIT: spent }), 429, "rate_limit_exceeded");
    expect((await create()).status).toBe(201);
  });
});
