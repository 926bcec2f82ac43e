import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { eventFromWebhook, type WebhookKind } from "../../src/answering/event-from-webhook.ts";
import { EVENT_TYPES } from "../../src/events/event.ts";
import { answerSchema } from "../../src/tools/ask.ts";

// What people copy out of the documentation runs, and what it shows of an event is what they get.

const asking = readFileSync("docs/inbound-url.md", "utf8");
const events = readFileSync("docs/events.md", "utf8");
const verifying = readFileSync("docs/verify-events.md", "utf8");
const runtimes = readFileSync("docs/runtime-examples.md", "utf8");

const blocks = (markdown: string, language: string) =>
  [...markdown.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(
    ([, code]) => code ?? "",
  );

const folder = mkdtempSync(join(tmpdir(), "snippets-"));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, code: string): string {
  const path = join(folder, name);
  writeFileSync(path, code);
  return path;
}

/** Runs a program and reads its standard output as JSON. */
function run(command: string, path: string): unknown {
  const { stdout, stderr, status } = spawnSync(command, [path], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

// The known vector, and what must not pass for it.
const SECRET = "nxfs_testsecret_0123456789abcdef";
const TIME = 1_755_300_000;
const BODY = '{"event":"call.completed","call_id":"CA123"}';
const V1 = "v1=8244940dd2d19c8d603cfd55b40de1cd94b98de4aca1f56b98cdd5f44ea98031";
const OTHER = `v1=${"0".repeat(64)}`;

type Case = [holds: boolean, secret: string, body: string, header: string, now: number];
const CASES: Case[] = [
  [true, SECRET, BODY, `t=${TIME},${V1}`, TIME],
  [true, SECRET, BODY, `t=${TIME},${V1}`, TIME + 300],
  [true, SECRET, BODY, `t=${TIME},${OTHER},${V1}`, TIME],
  [true, SECRET, BODY, `t=${TIME},${V1},${OTHER}`, TIME],
  [false, SECRET, BODY, `t=${TIME},${V1}`, TIME + 301],
  [false, SECRET, BODY, `t=${TIME},${V1}`, TIME - 301],
  [false, SECRET, `${BODY} `, `t=${TIME},${V1}`, TIME],
  [false, "nxws_other", BODY, `t=${TIME},${V1}`, TIME],
  [false, SECRET, BODY, `t=${TIME + 1},${V1}`, TIME],
  [false, SECRET, BODY, `t=${TIME},${OTHER}`, TIME],
  [false, SECRET, BODY, `t=${TIME},v1=é`, TIME],
  [false, SECRET, BODY, `t=${TIME}`, TIME],
  [false, SECRET, BODY, V1, TIME],
  [false, SECRET, BODY, `t=${TIME},${V1.slice(0, -1)}`, TIME],
  [false, SECRET, BODY, "", TIME],
];
const VERDICTS = CASES.map(([holds]) => holds);

const python = spawnSync("python3", ["--version"]).status === 0;

describe("verifying an event as docs/verify-events.md shows it", () => {
  const [verifier = ""] = blocks(verifying, "ts");

  it("in TypeScript", () => {
    write("verify-event.ts", verifier);
    const check = write(
      "check.ts",
      `import { verifyEvent } from "./verify-event.ts";
       const verdicts: boolean[] = [];
       for (const [, ...given] of ${JSON.stringify(CASES)}) verdicts.push(await verifyEvent(...given));
       console.log(JSON.stringify(verdicts));`,
    );
    expect(run(process.execPath, check)).toEqual(VERDICTS);
  });

  it.skipIf(!python)("in Python", () => {
    write("verify_event.py", blocks(verifying, "python")[0] ?? "");
    const check = write(
      "check.py",
      `import json
from verify_event import verify_event
cases = json.loads(${JSON.stringify(JSON.stringify(CASES))})
print(json.dumps([verify_event(secret, body.encode(), header, now) for _, secret, body, header, now in cases]))
`,
    );
    expect(run("python3", check)).toEqual(VERDICTS);
  });
});

type Shown = Record<string, unknown> & { event: string };

const COMMON = ["event", "event_id", "created_at", "agent_id", "phone_number"];

/** What Twilio says, so that it becomes this event. */
function told({ event, ...shown }: Shown): [WebhookKind, Record<string, unknown>] | undefined {
  const call = {
    CallSid: shown.call_id,
    From: shown.from,
    To: shown.to,
    Direction: shown.direction,
    CallStatus: shown.call_status,
    CallDuration: shown.duration_seconds,
  };
  const media = (shown.media ?? []) as { url: string; content_type: string }[];
  switch (event) {
    case "call.started":
      return ["voice", call];
    case "call.completed":
    case "call.failed":
      return ["status", call];
    case "sms.received":
      return [
        "sms",
        {
          MessageSid: shown.message_id,
          From: shown.from,
          To: shown.to,
          Body: shown.text,
          NumMedia: media.length,
          MediaUrl0: media[0]?.url,
          MediaContentType0: media[0]?.content_type,
        },
      ];
    case "recording.completed":
      return [
        "recording",
        {
          RecordingSid: shown.recording_id,
          RecordingStatus: "completed",
          CallSid: shown.call_id,
          RecordingUrl: shown.recording_url,
          RecordingDuration: shown.duration_seconds,
          RecordingChannels: shown.channels,
        },
      ];
    default:
      return undefined;
  }
}

/** In every event about a number; the page shows these and the common ones once. */
const OF_ITS_NUMBER = ["external_id", "label", "metadata"];

describe("the events docs/events.md shows", () => {
  const shown = blocks(events, "json").map((code) => JSON.parse(code) as Shown);

  it("are all there are", () => {
    expect(shown.map(({ event }) => event).sort()).toEqual([...EVENT_TYPES].sort());
  });

  it.each(shown.filter((event) => told(event)).map((event) => [event.event, event] as const))(
    "%s has the fields it is sent with",
    (type, event) => {
      const [kind, parameters] = told(event) ?? [];
      const form = new URLSearchParams(
        Object.entries(parameters ?? {}).map(([name, value]): [string, string] => [name, String(value)]),
      );
      const happening = kind && eventFromWebhook(kind, form);
      const isInbound = kind === "voice" || kind === "sms";
      const known = [...COMMON, ...OF_ITS_NUMBER];
      const data = Object.fromEntries(Object.entries(event).filter(([name]) => !known.includes(name)));
      expect(happening?.type).toBe(type);
      expect(data).toEqual({ ...happening?.data, ...(isInbound && { routed: true }) });
      if (type !== "call.started") return;
      expect(Object.keys(event).slice(0, known.length)).toEqual(known);
    },
  );
});

describe("the runtimes docs/runtime-examples.md shows", () => {
  it.each(blocks(runtimes, "js").map((code, index) => [index, code] as const))(
    "example %i parses",
    (index, code) => {
      const path = write(`runtime-${index}.mjs`, code);
      expect(spawnSync(process.execPath, ["--check", path], { encoding: "utf8" }).stderr).toBe("");
    },
  );
});

describe("what an inbound_url may answer", () => {
  const [hours, vips, languages, names] = blocks(asking, "js");
  const MONDAY = "2026-02-02T";
  const person = { transfer_to: "+441632960123" };
  const closed = { welcome_message: expect.any(String), custom_prompt: "Take a message." };
  it.each<[string, string | undefined, Record<string, unknown>, object]>([
    ["business hours", hours, { created_at: `${MONDAY}09:00:00.000Z` }, person],
    ["before them", hours, { created_at: `${MONDAY}08:59:59.000Z` }, closed],
    ["after them", hours, { created_at: `${MONDAY}17:00:00.000Z` }, closed],
    ["at midnight", hours, { created_at: `${MONDAY}00:00:00.000Z` }, closed],
    ["on a Sunday", hours, { created_at: "2026-02-01T12:00:00.000Z" }, closed],
    ["a VIP", vips, { from: "+15005550006" }, { transfer_to: "sip:desk@pbx.example.com" }],
    ["who is not wanted", vips, { from: "+15005550001" }, { reject: "rejected" }],
    ["anybody", vips, { from: "unknown" }, {}],
    ["a German", languages, { from: "+4930123456" }, { language: "de-DE", welcome_message: "Guten Tag!" }],
    ["somebody else", languages, { from: "+441632960123" }, {}],
    ["a customer", names, { from: "+15005550006", label: "Acme" }, { dynamic_vars: { name: "Ms Doe" } }],
    ["a stranger", names, { from: "unknown", label: null }, {}],
  ])("%s", async (_, code = "", event, expected) => {
    const { answer } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
    const given = answer(event);
    expect(given).toMatchObject(expected);
    expect(answerSchema.parse(given)).toEqual(given);
    expect(code.trim().split("\n").length).toBeLessThanOrEqual(12);
  });
});
