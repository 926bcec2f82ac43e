import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, vi } from "vitest";
import { forgetRoutes } from "../../src/answering/route-cache.ts";
import { readConfig } from "../../src/config.ts";
import { AccountPace, CallLog, Conversation, TextThread } from "../../src/index.ts";
import { createObjects } from "../../src/objects.ts";
import { sha256 } from "../../src/vault/hash.ts";
import { haveImported, type Imported, tell } from "../support/answering.ts";
import { logLines } from "../support/logs.ts";
import { metered, newMeter } from "../support/metered-database.ts";
import { haveModel, streamed } from "../support/model.ts";
import { type Called, meterRows, noteMethods } from "../support/objects.ts";
import { objectOf, openSession } from "../support/session.ts";
import { twilio } from "../support/twilio.ts";
import { post } from "../support/worker.ts";

// What Cloudflare charges for while an agent talks, on a clock that is moved: turns of eighteen seconds.

const DAY_MS = 24 * 60 * 60 * 1_000;
const LIMITS = '{"calls_per_second":100,"allowed_countries":["*"]}';
// https://developers.cloudflare.com/durable-objects/platform/pricing/
const FRAMES_PER_REQUEST = 20;
const FRAME = "webSocketMessage";
/** What an object does by itself, and frames, of which many are a request. */
const OWN = /^(erase|load|beginTurns|webSocket.*)$/;
const ANSWER = [
  "We are open from nine to five on weekdays, ",
  "and on Saturdays until noon. Which day suits you?",
];

type Meters = { overrides: Partial<Env>; rows: (() => Promise<number>)[]; called: Called[] };

/** What some requests use, and what is deleted when its time is over. */
async function count(
  imported: Imported,
  work: (meters: Meters) => Promise<number>,
  later: () => Promise<DurableObjectStub[]>,
) {
  const meter = newMeter();
  const writeDataPoint = vi.fn();
  const called: Called[] = [];
  // Another day than the runtime's: no alarm rings but by this.
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + DAY_MS });
  const log = env.CALL_LOG.getByName(await sha256(`call-log/${imported.key.key_id}`));
  const pace = await createObjects(env, readConfig(env)).accountPace(imported.account.sid, "us1");
  // Its alarm is set once a day, however many calls there are.
  await log.countText("SM0", "received");
  forgetRoutes(imported.key.key_id);
  const rows = [await meterRows(log)];
  const lines = logLines().length;
  const { DB, METRICS } = env;
  const restore = noteMethods([AccountPace, CallLog, Conversation, TextThread], called);
  try {
    // Objects have the isolate's own bindings.
    Object.assign(env, { DB: metered(DB, meter), METRICS: { writeDataPoint } });
    const overrides = { DEFAULT_LIMITS: LIMITS, DB: env.DB, METRICS: env.METRICS };
    const requests = await work({ overrides, rows, called });
    const logged = logLines().length - lines;
    for (const days of [2, 31]) {
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + days * DAY_MS });
      for (const object of await later()) await runDurableObjectAlarm(object as never);
      await runDurableObjectAlarm(log);
    }
    vi.useRealTimers();
    const written = await Promise.all(rows.map((read) => read()));
    const ids = [log, pace, ...(await later())].map(({ id }) => id.toString());
    const own = called.filter(({ id }) => ids.includes(id)).map(({ name }) => name);
    const frames = own.filter((name) => name === FRAME).length;
    return {
      requests,
      rowsRead: meter.rowsRead,
      rowsWritten: meter.rowsWritten,
      // Two alarms of the log and the text are none of this.
      objectRequests: own.filter((name) => !OWN.test(name)).length - 2 + frames / FRAMES_PER_REQUEST,
      objectRowsWritten: written.reduce((sum, each) => sum + each, 0) - 3,
      logLines: logged,
      dataPoints: writeDataPoint.mock.calls.length,
    };
  } finally {
    restore();
    Object.assign(env, { DB, METRICS });
    vi.useRealTimers();
  }
}

/** A text that an agent answers. */
export async function answeredText() {
  haveModel(() => streamed(...ANSWER));
  const imported = await haveImported({ sms_reply: true });
  const from = "+15005550006";
  const thread = await createObjects(env, readConfig(env)).textThread(imported.id, from);
  return count(
    imported,
    async ({ overrides, rows }) => {
      rows.push(await meterRows(thread));
      const text = { MessageSid: "SM1", From: from, To: imported.phoneNumber, Body: "When are you open?" };
      await tell(imported, "sms", text, { env: overrides });
      await runDurableObjectAlarm(thread);
      return 1;
    },
    async () => [thread],
  );
}

/** A call that this service places, and that an agent leads over ConversationRelay. */
export async function placedCall(turns: number) {
  haveModel(() => streamed(...ANSWER));
  const imported = await haveImported();
  let conversation: DurableObjectStub<Conversation> | undefined;
  return count(
    imported,
    async ({ overrides, rows, called }) => {
      let requests = 0;
      const body = { agent_id: imported.agentId, to_number: "+15005550009" };
      const placed = await post("/v1/calls", body, { key: imported.key, env: overrides });
      requests += 1;
      const { call_id: callSid } = await placed.json<{ call_id: string }>();
      conversation = await objectOf(imported, callSid);
      rows.push(await meterRows(conversation));
      const form = twilio.state.calls.at(-1)?.form ?? new URLSearchParams();
      const hook = async (url: string | null, more: Record<string, string>) => {
        requests += 1;
        const path = (url ?? "").split("#")[0]?.split(`/${imported.id}/`)[1] ?? "";
        const call = { CallSid: callSid, From: imported.phoneNumber, To: "+15005550009", ...more };
        const answer = await tell(imported, path, { Direction: "outbound-api", ...call }, { env: overrides });
        return answer.text();
      };
      const twiml = await hook(form.get("Url"), { CallStatus: "in-progress" });
      const attribute = (name: string) => new RegExp(` ${name}="([^"]+)"`).exec(twiml)?.[1] ?? "";
      const says = await openTalk(imported, callSid, attribute("url").replace(/^wss/, "https"), {
        overrides,
        called,
      });
      requests += 1;
      await says(turns);
      await hook(attribute("action"), { CallStatus: "in-progress", SessionStatus: "completed" });
      await hook(form.get("StatusCallback"), { CallStatus: "completed", CallDuration: String(turns * 18) });
      return requests;
    },
    async () => (conversation ? [conversation] : []),
  );
}

async function openTalk(
  imported: Imported,
  callSid: string,
  url: string,
  { overrides, called }: Pick<Meters, "overrides" | "called">,
) {
  const start = Date.now();
  const session = await openSession(imported, callSid, {
    url,
    env: { CONVERSATIONS: env.CONVERSATIONS, ...overrides },
  });
  const { say, settle } = session;
  /** So many seconds after the start. */
  const until = async (seconds: number) => {
    await settle();
    vi.useFakeTimers({ toFake: ["Date"], now: start + seconds * 1_000 });
  };
  const info = (name: string, value: unknown) => say({ type: "info", name, value });
  say(session.setup);
  return async (turns: number) => {
    for (let turn = 0; turn < turns; turn += 1) {
      const from = turn * 18;
      await until(from + 2);
      info("clientSpeaking", "on");
      for (const words of ["And", "And on day", "And on day number"]) {
        await until(from + 4);
        say({ type: "prompt", voicePrompt: words, last: false });
      }
      await until(from + 6);
      info("clientSpeaking", "off");
      say({ type: "prompt", voicePrompt: `And on day number ${turn}?`, last: true });
      await until(from + 8);
      info("agentSpeaking", "on");
      await until(from + 12);
      info("tokensPlayed", ANSWER[0]);
      await until(from + 18);
      info("tokensPlayed", ANSWER[1]);
      info("agentSpeaking", "off");
    }
    await settle();
    session.close();
    const id = (await objectOf(imported, callSid)).id.toString();
    await vi.waitFor(() => expect(called).toContainEqual({ id, name: "webSocketClose" }), 20_000);
  };
}
