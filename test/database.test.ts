import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import {
  all,
  batch,
  first,
  readBatch,
  run,
  runIdempotent,
  runReturning,
  StorageError,
} from "../src/database.ts";
import { haveImported, tell } from "./support/answering.ts";
import { type D1Fault, watchedDatabase } from "./support/database.ts";
import { recordedDatabase } from "./support/statements.ts";
import { call, createKey, expectError } from "./support/worker.ts";

// What is carried out once more if D1 fails in passing, and what is not.

const INSERT =
  "INSERT INTO key_creations (address_fingerprint, hour, count) VALUES ('a', ?1, 1) ON CONFLICT DO UPDATE SET count = count + 1";
const SELECT = "SELECT count FROM key_creations WHERE address_fingerprint = 'a'";
const HOUR = "2026-01-01T00";

const counted = async () => (await env.DB.prepare(SELECT).first<{ count: number }>())?.count ?? 0;

const insert = (db: D1Database, returning = "") => db.prepare(INSERT + returning).bind(HOUR);

type Work = (db: D1Database) => Promise<unknown>;

const reads: [string, Work][] = [
  ["first", (db) => first(db.prepare(SELECT))],
  ["all", (db) => all(db.prepare(SELECT))],
  ["readBatch", (db) => readBatch(db, [db.prepare(SELECT), db.prepare(SELECT)])],
];
const idempotent: [string, Work][] = [
  ["run", (db) => runIdempotent(insert(db))],
  ["batch", (db) => batch(db, [insert(db)], { isIdempotent: true })],
];
const writes: [string, Work][] = [
  ["run", (db) => run(insert(db))],
  ["batch", (db) => batch(db, [insert(db)])],
  ["runReturning", (db) => runReturning(insert(db, " RETURNING count"))],
];

const passing = (times: number, when: D1Fault["when"] = "before"): D1Fault => ({
  trip: 1,
  when,
  times,
  passing: true,
});

describe("after a failure in passing", () => {
  it.each([...reads, ...idempotent])("%s is carried out once more, and twice", async (_, work) => {
    for (const times of [1, 2]) {
      const { DB, trips } = watchedDatabase(passing(times));
      await work(DB);
      expect(trips()).toBe(times + 1);
    }
  });

  it.each([...reads, ...idempotent])("%s is given up after three times", async (_, work) => {
    const { DB, trips } = watchedDatabase(passing(99));
    await expect(work(DB)).rejects.toMatchObject({ failure: "unavailable" });
    expect(trips()).toBe(3);
  });

  it.each(writes)("%s, which may have been committed, is not carried out again", async (_, work) => {
    const { DB, trips } = watchedDatabase(passing(1, "after"));
    await expect(work(DB)).rejects.toBeInstanceOf(StorageError);
    expect([trips(), await counted()]).toEqual([1, 1]);
  });
});

describe("after a failure that lasts", () => {
  it.each([...reads, ...idempotent])("%s is not tried again: D1 has enough to do", async (_, work) => {
    const { DB, trips } = watchedDatabase({ trip: 1, when: "before" });
    await expect(work(DB)).rejects.toMatchObject({ failure: "unavailable" });
    expect(trips()).toBe(1);
  });

  it("of the statement itself, it is not tried again either", async () => {
    const { DB, trips } = watchedDatabase();
    const twice = DB.prepare(
      "INSERT INTO key_creations (address_fingerprint, hour, count) VALUES ('b', 'h', 1)",
    );
    expect(await runIdempotent(twice)).toBe(1);
    await expect(runIdempotent(twice)).rejects.toMatchObject({ failure: "conflict" });
    expect(trips()).toBe(2);
  });
});

describe("through the door", () => {
  it("a list and a call are answered though D1's connection is lost twice", async () => {
    const imported = await haveImported();
    const list = watchedDatabase({ trip: 2, when: "before", times: 2, passing: true });
    const response = await call("GET", "/v1/agents", imported.key, undefined, { env: { DB: list.DB } });
    expect([response.status, list.trips()]).toEqual([200, 4]);
    const route = watchedDatabase(passing(2));
    const answer = await tell(imported, "voice", { CallSid: "CA1" }, { env: { DB: route.DB } });
    expect(answer.status).toBe(200);
  });

  it("an Idempotency-Key whose claim was committed and not confirmed is this request's all the same", async () => {
    const key = await createKey();
    const headers = { "idempotency-key": "once" };
    const { DB } = watchedDatabase({ trip: 2, when: "after", passing: true });
    const create = (overrides: Partial<Env> = {}) =>
      call("POST", "/v1/agents", key, { name: "A" }, { headers, env: overrides });
    expect((await create({ DB })).status).toBe(201);
    expect((await create()).headers.get("idempotent-replayed")).toBe("true");
  });

  it("three failures in a row are storage_unavailable", async () => {
    const key = await createKey();
    const { DB } = watchedDatabase(passing(3));
    const response = await call("GET", "/v1/agents", key, undefined, { env: { DB } });
    await expectError(response, 503, "storage_unavailable");
  });
});

describe("the D1 of the tests", () => {
  it("lets no write pass as a read", async () => {
    await expect(first(insert(recordedDatabase, " RETURNING count"))).rejects.toMatchObject({
      cause: expect.objectContaining({ message: expect.stringContaining("runReturning") }),
    });
    expect(await counted()).toBe(0);
  });
});
