import { env } from "cloudflare:workers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { haveImported, type Imported } from "../support/answering.ts";
import { allowAllErrors } from "../support/logs.ts";
import { brokenLogs, type LogFault } from "../support/objects.ts";
import { twilio } from "../support/twilio.ts";
import { post } from "../support/worker.ts";
import { type Effect, effects } from "../twilio-simulator/faults.ts";

// Whatever fails, and however often a caller tries again: nobody is called or texted twice for one Idempotency-Key.

const EFFECTS: Record<string, Effect> = {
  reset: effects.reset,
  replyLost: effects.replyLost,
  appliedButServerError: effects.appliedButServerError,
  appliedButNotJson: effects.appliedButNotJson,
  serverErrorHtml: effects.serverErrorHtml,
  hang: effects.hang,
  appliedButHangs: effects.appliedButHangs,
  late: { kind: "late", requests: 2 },
  behindGateway: { kind: "late", requests: 2, answer: 504 },
  lateAfterReset: { kind: "late", requests: 4, answer: "reset" },
  tooMany: effects.tooManyRequestsRetryAfter(9),
  refused: effects.invalidUrl,
};

const fault = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      effect: fc.constantFrom(...Object.keys(EFFECTS)),
      on: fc.constant("send" as const),
      times: fc.constant(1),
    }),
  },
  // A list is asked for three times.
  fc.record({
    effect: fc.constantFrom("reset", "serverErrorHtml", "hang", "refused"),
    on: fc.constant("list" as const),
    times: fc.integer({ min: 1, max: 3 }),
  }),
);

const logFault = fc.record({
  method: fc.constantFrom<LogFault["method"]>("begin", "note", "forget", "find"),
  when: fc.constantFrom<LogFault["when"]>("before", "after"),
  times: fc.integer({ min: 1, max: 3 }),
});

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      act: fc.constant("send" as const),
      task: fc.constantFrom(0, 0, 1, 2),
      faults: fc.array(fault, { maxLength: 2 }),
      log: fc.option(logFault, { nil: undefined, freq: 3 }),
      atOnce: fc.integer({ min: 1, max: 2 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ act: fc.constantFrom("dial" as const, "late" as const) }) },
);

/** Three tasks, two of them to the same number: those are told apart only by what we know of them. */
const history = fc.record({
  kind: fc.constantFrom("call" as const, "sms" as const),
  steps: fc.array(step, { minLength: 3, maxLength: 8 }),
});
type History = typeof history extends fc.Arbitrary<infer Value> ? Value : never;

// The limit of writes a minute is not what is tried here.
const unlimited = { limit: async () => ({ success: true }) };
const settings = {
  DEFAULT_LIMITS: '{"calls_per_second":100,"allowed_countries":["*"]}',
  TWILIO_TIMEOUT_MS: "25",
  WRITE_LIMIT: unlimited,
};

let histories = 0;

async function live({ key, agentId }: Imported, { kind, steps }: History): Promise<void> {
  histories += 1;
  const number = (task: number) => `+1500${String(histories).padStart(6, "0")}${task === 2 ? 1 : task}`;
  const told = new Map<number, Set<string>>([0, 1, 2].map((task) => [task, new Set()]));

  const send = async (task: number, overrides: Partial<Env>) => {
    const to = number(task);
    const body = kind === "call" ? { to_number: to } : { to, message: `To task ${task}` };
    const response = await post(
      kind === "call" ? "/v1/calls/outbound" : "/v1/sms",
      { agent_id: agentId, ...body },
      { key, headers: { "idempotency-key": `${histories}/${task}` }, env: { ...settings, ...overrides } },
    );
    const answer = await response.json<{ call_id?: string; message_id?: string }>();
    const sid = answer.call_id ?? answer.message_id;
    if (response.status === 201 && sid) told.get(task)?.add(sid);
  };

  for (const taken of steps) {
    if (!("task" in taken))
      await (taken.act === "dial" ? twilio.dial({ answers: "busy" }) : twilio.finishLate());
    else {
      const operation = {
        send: kind === "call" ? "call" : "message",
        list: kind === "call" ? "calls" : "messages",
      } as const;
      for (const { effect, on, times } of taken.faults)
        twilio.faults.add({ effect: EFFECTS[effect] ?? effects.reset, operation: operation[on], times });
      const broken = taken.log ? brokenLogs(taken.log) : {};
      await Promise.all(Array.from({ length: taken.atOnce }, () => send(taken.task, broken)));
      twilio.faults.clear();
    }
  }
  await twilio.finishLate();
  await twilio.dial({ answers: "busy" });

  const sent = (
    kind === "call" ? twilio.state.calls.map(({ resource }) => resource) : twilio.state.texts
  ).map(({ sid, to }) => ({ sid, to }));
  const asked = new Set(steps.flatMap((taken) => ("task" in taken ? [taken.task] : [])));
  for (const task of [0, 1, 2]) {
    const tasks = [...asked].filter((other) => number(other) === number(task)).length;
    expect(sent.filter(({ to }) => to === number(task)).length, "sent twice").toBeLessThanOrEqual(tasks);
    expect(told.get(task)?.size, "two SIDs for one task").toBeLessThanOrEqual(1);
    for (const sid of told.get(task) ?? []) expect(sent).toContainEqual({ sid, to: number(task) });
  }
  const all = [...told.values()].flatMap((sids) => [...sids]);
  expect(new Set(all).size, "one SID for two tasks").toBe(all.length);
  twilio.state.calls.length = 0;
  twilio.state.texts.length = 0;
  twilio.state.messages.length = 0;
  twilio.state.requests.length = 0;
}

const soakMs = Number(env.SOAK_MINUTES) * 60_000;

describe("histories of calls and texts", () => {
  it(
    "send nothing twice",
    async () => {
      allowAllErrors();
      const imported = await haveImported();
      await env.DB.prepare("UPDATE api_keys SET limits = json_object('concurrent_call_limit', 1000)").run();
      await fc.assert(
        fc.asyncProperty(history, (lived) => live(imported, lived)),
        soakMs > 0
          ? { seed: Date.now(), numRuns: 1e9, interruptAfterTimeLimit: soakMs, markInterruptAsFailure: false }
          : { numRuns: Number(env.CALL_HISTORIES) },
      );
    },
    soakMs + 600_000,
  );
});
