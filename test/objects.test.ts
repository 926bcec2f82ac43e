import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { readConfig } from "../src/config.ts";
import { callObject, createObjects, hasTables, keepTables } from "../src/objects.ts";
import { haveImported } from "./support/answering.ts";
import { runCron } from "./support/consume.ts";
import { expectErrorLog } from "./support/logs.ts";
import { ADMIN, call, createKey, expectError, get, post, rows, send } from "./support/worker.ts";

const lost = () => Promise.reject(new Error("Network connection lost."));
const overloaded = () => Promise.reject(Object.assign(new Error("overloaded"), { overloaded: true }));

describe("a call of an object", () => {
  it("is repeated once, by a fresh stub", async () => {
    const open = vi.fn(() => ({ ask: open.mock.calls.length === 1 ? lost : async () => "answer" }));
    expect(await callObject(open, (object) => object.ask())).toBe("answer");
    expect(open).toHaveBeenCalledTimes(2);
  });

  it.each<[string, () => Promise<never>, boolean, number]>([
    ["fails twice", lost, true, 2],
    ["meets an overloaded object", overloaded, true, 1],
    ["may not be repeated", lost, false, 1],
  ])("is a StorageError if it %s", async (_, ask, isRepeatable, times) => {
    const open = vi.fn(() => ({ ask }));
    await expect(callObject(open, (object) => object.ask(), isRepeatable)).rejects.toMatchObject({
      failure: "unavailable",
    });
    expect(open).toHaveBeenCalledTimes(times);
  });
});

describe("the tables of an object", () => {
  it("are made once, and brought up to date by version", async () => {
    const stub = env.CALL_LOG.getByName(crypto.randomUUID());
    await runInDurableObject(stub, async (_, { storage }) => {
      await storage.deleteAll();
      const { sql } = storage;
      expect(hasTables(sql)).toBe(false);
      keepTables(sql, ["CREATE TABLE a (x)"]);
      keepTables(sql, ["CREATE TABLE a (x)"]);
      keepTables(sql, ["CREATE TABLE a (x)", "ALTER TABLE a ADD COLUMN y; CREATE TABLE b (z)"]);
      expect(sql.exec("SELECT version FROM tables_version").toArray()).toEqual([{ version: 2 }]);
      expect(sql.exec("SELECT x, y FROM a").toArray()).toEqual([]);
      await storage.deleteAll();
    });
  });
});

describe("where objects live", () => {
  const placing = (values: Partial<Env>) => {
    const placed: unknown[] = [];
    const namespace = (jurisdiction: string | null) => ({
      jurisdiction: (name: string) => namespace(name),
      getByName: (name: string, options: unknown) => placed.push({ jurisdiction, name, options }),
    });
    const one = namespace(null) as never;
    const names = [
      "EVENT_OUTBOX",
      "CALL_LOG",
      "ACCOUNT_PACE",
      "CONVERSATIONS",
      "TEXT_THREADS",
      "BULK_IMPORTS",
      "BACKGROUND",
    ];
    const namespaces = Object.fromEntries(names.map((name) => [name, one])) as unknown as Env;
    return { placed, objects: createObjects(namespaces, readConfig({ ...env, ...values })) };
  };

  it.each([
    [{}, null, "enam"],
    [{ JURISDICTION: "eu", LOCATION_HINT: "weur" }, "eu", "weur"],
  ])("is said for all of them by %o", async (values, jurisdiction, locationHint) => {
    const { placed, objects } = placing(values as Partial<Env>);
    for (const open of Object.values(objects)) await open("a", "b" as never);
    expect(placed).toHaveLength(Object.keys(objects).length);
    for (const place of placed) expect(place).toMatchObject({ jurisdiction, options: { locationHint } });
    expect(new Set(placed.map((place) => (place as { name: string }).name)).size).toBe(placed.length);
  });

  it("cannot be changed: another JURISDICTION is refused, with what to do", async () => {
    expectErrorLog("request_failed");
    const key = await createKey();
    const eu = { JURISDICTION: "eu" } as Partial<Env>;
    await expectError(
      await call("GET", "/v1/agents", key, undefined, { env: eu }),
      503,
      "service_misconfigured",
    );
    await expectError(
      await post("/v1/keys", { name: "x" }, { headers: ADMIN, env: eu }),
      503,
      "service_misconfigured",
    );
    await expectError(
      await send(new Request("https://numbers.example.com/healthz"), eu),
      503,
      "service_misconfigured",
    );
    expect(await rows("api_keys")).toHaveLength(1);
    expect((await get("/v1/agents", key)).status).toBe(200);
    expect((await get("/healthz")).status).toBe(200);
  });

  it("is remembered with the first request of a key that the command line has made", async () => {
    const key = await createKey();
    await env.DB.batch([
      env.DB.prepare("UPDATE api_keys SET jurisdiction = NULL"),
      env.DB.prepare("DELETE FROM deployment"),
    ]);
    expect((await get("/v1/agents", key)).status).toBe(200);
    expect(await rows("api_keys")).toMatchObject([{ jurisdiction: "" }]);
    expect(await rows("deployment")).toEqual([{ id: 1, jurisdiction: "" }]);
  });

  it("is not decided by the cron: it asks no object of a key that has none", async () => {
    const asked: string[] = [];
    const watch = (namespace: object) =>
      new Proxy(namespace, {
        get: (target, name) =>
          name === "getByName"
            ? (...values: [string]) => {
                asked.push(values[0]);
                return Reflect.apply(Reflect.get(target, name) as never, target, values);
              }
            : Reflect.get(target, name),
      });
    const watched = { EVENT_OUTBOX: watch(env.EVENT_OUTBOX), CALL_LOG: watch(env.CALL_LOG) } as never;
    await createKey();
    await runCron("*/15 * * * *", watched);
    expect(asked).toEqual([]);
    await env.DB.prepare("DELETE FROM reseal_progress").run();
    await haveImported();
    await runCron("*/15 * * * *", watched);
    expect(new Set(asked).size).toBe(2);
  });
});

describe("background work", () => {
  it("is done by an object of its own, which has the Worker's bindings", async () => {
    const object = createObjects(env, readConfig(env)).background(0);
    const account = { id: "twa_1", apiKeyId: "nxf_1", accountSid: "AC1", region: "" };
    // There is no such account.
    expect(await object.work({ kind: "recover", ...account })).toBe(false);
    expect(await object.work({ kind: "check_due", until: "2020" })).toBe(true);
    await object.runJobs("*/15 * * * *");
    expect(await rows("reseal_progress")).not.toEqual([]);
  });

  it("is that of the only trigger if none is named, as by the address that `wrangler dev` prints", async () => {
    await runCron("");
    expect(await rows("reseal_progress")).not.toEqual([]);
  });
});
