import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { readConfig } from "../../src/config.ts";
import { createObjects } from "../../src/objects.ts";
import { forgetSplits, partOf } from "../../src/parts.ts";
import { haveImported, type Imported, tell } from "../support/answering.ts";
import { logLines } from "../support/logs.ts";
import { BASE, call, expectError, get, send } from "../support/worker.ts";

// Transcripts of a key with several parts, in R2.

const bucket = (env as unknown as { TRANSCRIPTS: R2Bucket }).TRANSCRIPTS;
const objects = createObjects(env, readConfig(env));
const ADMIN = { authorization: `Bearer ${env.ADMIN_TOKEN}`, "content-type": "application/json" };
const DAY_MS = 86_400_000;
const WORDS = "Tuesday at ten, please. ".repeat(80);
const connect = { type: "conversation_relay", url: "wss://runtime.example/relay" };

const sid = (index: number) => `CA${index.toString(16).padStart(32, "0")}`;
/** So many that are in one part of two. */
const SIDS = Array.from({ length: 60 }, (_, index) => sid(index)).filter(
  (id) => partOf("call_log", id, 2) === 1,
);
const [FIRST = "", SECOND = ""] = SIDS;

const names = async () => (await bucket.list()).objects.map(({ key }) => key);
const partOfKey = ({ key }: Imported) => objects.callLog(key.key_id, 1);
const ring = async (imported: Imported) => runDurableObjectAlarm(await partOfKey(imported));
const later = (days: number) => vi.setSystemTime(Date.now() + days * DAY_MS);
const sealedIn = async (imported: Imported) =>
  runInDurableObject(await partOfKey(imported), (_, { storage: { sql } }) =>
    sql.exec<{ transcript_sealed: string }>("SELECT transcript_sealed FROM talks").toArray(),
  );
const admin = (method: string, path: string, body?: object) =>
  send(
    new Request(`${BASE}${path}`, { method, headers: ADMIN, ...(body && { body: JSON.stringify(body) }) }),
  );

/** A call that is over, and what its runtime has said of it. */
async function talked(imported: Imported, callId: string, text = WORDS): Promise<void> {
  const about = { CallSid: callId, From: "+15005550006", To: imported.phoneNumber, Direction: "inbound" };
  await tell(imported, "voice", { ...about, CallStatus: "ringing" });
  await tell(imported, "status", { ...about, CallStatus: "completed", CallDuration: "60" });
  const transcript = [{ role: "caller", text, at: null }].map(({ at: _, ...said }) => said);
  expect((await call("POST", `/v1/calls/${callId}/outcome`, imported.key, { transcript })).status).toBe(200);
}

async function haveSplit(): Promise<Imported> {
  const imported = await haveImported({ connect });
  await admin("PATCH", `/v1/keys/${imported.key.key_id}`, { call_log_parts: 2 });
  return imported;
}

const read = async ({ key }: Imported, callId: string) =>
  (await get(`/v1/calls/${callId}`, key)).json<{ transcript: { text: string }[] }>();

/** Lets the part's R2 fail. */
const breakBucket = async (imported: Imported, method: "put" | "delete") =>
  runInDurableObject(await partOfKey(imported), (log) => {
    const { TRANSCRIPTS } = (log as unknown as { env: { TRANSCRIPTS: R2Bucket } }).env;
    return vi.spyOn(TRANSCRIPTS, method).mockRejectedValueOnce(new Error("R2 is away"));
  });

beforeEach(async () => {
  forgetSplits();
  for (const name of await names()) await bucket.delete(name);
  vi.useFakeTimers({ toFake: ["Date"] });
  return () => void vi.useRealTimers();
});

describe("a transcript of a key with several parts", () => {
  it("goes to R2 when nobody may change it any more, sealed by a key of its own, and is read where it is shown", async () => {
    const imported = await haveSplit();
    await talked(imported, FIRST);
    await talked(imported, SECOND, "Yes.");
    later(1);
    await ring(imported);
    expect(await names()).toEqual([]);
    later(2);
    await ring(imported);
    const [name = "", ...others] = await names();
    expect(others).toEqual([]);
    const stored = (await (await bucket.get(name))?.text()) ?? "";
    expect(stored).toMatch(/^v1\.k\./);
    expect(
      (await sealedIn(imported)).map(({ transcript_sealed }) => transcript_sealed.length > 1_000),
    ).toEqual([false, false]);
    const reads = vi.spyOn(bucket, "get");
    expect((await read(imported, FIRST)).transcript).toMatchObject([{ text: WORDS.trim() }]);
    expect((await read(imported, SECOND)).transcript).toMatchObject([{ text: "Yes." }]);
    expect(await (await get("/v1/calls", imported.key)).json()).toMatchObject({ count: 2 });
    expect(reads).toHaveBeenCalledTimes(1);
    reads.mockRejectedValueOnce(new Error("R2 is away"));
    await expectError(await get(`/v1/calls/${FIRST}`, imported.key), 503, "storage_unavailable");
    await bucket.delete(name);
    expect((await read(imported, FIRST)).transcript).toEqual([]);
    expect(logLines().filter(({ event }) => event === "transcript_missing")).toMatchObject([
      { call_id: FIRST },
    ]);
  });

  it("stays in the part while R2 does not answer, and goes there later", async () => {
    const imported = await haveSplit();
    await talked(imported, FIRST);
    later(3);
    await breakBucket(imported, "put");
    await expect(ring(imported)).rejects.toThrow("R2 is away");
    expect(await names()).toEqual([]);
    expect((await read(imported, FIRST)).transcript).toMatchObject([{ text: WORDS.trim() }]);
    await runInDurableObject(await partOfKey(imported), (log) => log.alarm?.());
    expect(await names()).toHaveLength(1);
  });

  it("of one part stays in it", async () => {
    const imported = await haveImported({ connect });
    await talked(imported, FIRST);
    later(3);
    await runDurableObjectAlarm(await objects.callLog(imported.key.key_id));
    expect(await names()).toEqual([]);
    expect((await read(imported, FIRST)).transcript).toHaveLength(1);
  });
});

describe("what R2 has", () => {
  it("goes with its call, also if it does not answer at once; and with 30 days", async () => {
    const imported = await haveSplit();
    await talked(imported, FIRST);
    await talked(imported, SECOND);
    later(3);
    await ring(imported);
    expect(await names()).toHaveLength(2);
    await breakBucket(imported, "delete");
    expect((await call("DELETE", `/v1/calls/${FIRST}`, imported.key)).status).toBe(200);
    await expect(ring(imported)).rejects.toThrow("R2 is away");
    expect(await names()).toHaveLength(2);
    await runInDurableObject(await partOfKey(imported), (log) => log.alarm?.());
    expect(await names()).toHaveLength(1);
    later(31);
    await ring(imported);
    expect(await names()).toEqual([]);
  });

  it("goes with the log, and nothing that came after it", async () => {
    const imported = await haveSplit();
    for (const callId of SIDS.slice(0, 22)) await talked(imported, callId);
    later(3);
    // Twenty at once.
    await ring(imported);
    expect(await names()).toHaveLength(20);
    await ring(imported);
    expect(await names()).toHaveLength(22);
    await admin("DELETE", `/v1/keys/${imported.key.key_id}/calls`);
    const after = SIDS.at(-1) ?? "";
    later(0.001);
    await talked(imported, after);
    for (let times = 0; times < 3; times += 1) await ring(imported);
    expect(await names()).toEqual([]);
    later(3);
    await ring(imported);
    expect(await names()).toHaveLength(1);
    later(400);
    for (let times = 0; times < 3; times += 1) {
      await ring(imported);
      later(1);
    }
    expect(await names()).toEqual([]);
    expect(
      await runInDurableObject(await partOfKey(imported), (_, { storage }) => storage.getAlarm()),
    ).toBeNull();
  });
});
