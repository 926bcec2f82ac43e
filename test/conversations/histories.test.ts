import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { haveImported, type Imported, tell } from "../support/answering.ts";
import { startCustomer } from "../support/customer.ts";
import { eventStream, haveModel, modelRequests, streamed } from "../support/model.ts";
import { outboxRows } from "../support/outbox.ts";
import { type CallSession, knownOf, objectOf, openSession, restartObject } from "../support/session.ts";

// Whatever happens in a call, and in whichever order: it ends, and its customer is told once.

const FROM = { From: "+15005550006", CallStatus: "in-progress" };

const models = {
  answers: () => streamed("All ", "is ", "well."),
  ends: () =>
    streamed("Goodbye.", { tool_calls: [{ index: 0, function: { name: "end_call", arguments: "{}" } }] }),
  books: () =>
    streamed("Well, ", { tool_calls: [{ index: 0, function: { name: "book", arguments: "{}" } }] }),
  misbooks: () => streamed({ tool_calls: [{ index: 0, function: { name: "book", arguments: '{"a":1}' } }] }),
  fails: () => new Response("", { status: 500 }),
  refuses: () => new Response("", { status: 403 }),
  breaks: () => eventStream(`data: {"choices":[{"delta":{"content":"Well, "}}]}\n\ndata: }{\n\n`),
  hangs: () => new Promise<Response>(() => undefined),
};

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      act: fc.constant("prompt" as const),
      model: fc.constantFrom(...Object.keys(models)),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      act: fc.constant("gather" as const),
      model: fc.constantFrom(...Object.keys(models)),
    }),
  },
  fc.record({
    act: fc.constantFrom(
      "interrupt",
      "digit",
      "rubbish",
      "drop",
      "reopen",
      "lost",
      "kill",
      "restart",
      "kill and restart",
      "cut",
      "twice",
      "sleep",
      "alarm",
      "status",
    ),
    model: fc.constant("answers"),
  }),
);

let calls = 0;

async function live(imported: Imported, steps: { act: string; model: string }[]): Promise<void> {
  calls += 1;
  const callSid = `CA${calls}`;
  const call = { ...FROM, CallSid: callSid };
  const status = () => tell(imported, "status", { ...call, CallStatus: "completed", CallDuration: "9" });
  const object = () => objectOf(imported, callSid);
  let session: CallSession | undefined = await openSession(imported, callSid);
  session.say(session.setup);
  for (const { act, model } of steps) {
    haveModel(models[model as keyof typeof models], { MODEL_TIMEOUT_MS: "20" });
    switch (act) {
      case "prompt":
        session?.say({ type: "prompt", voicePrompt: "Hello?", last: true });
        break;
      case "gather":
        expect(await (await tell(imported, "gather", { ...call, SpeechResult: "Hello?" })).text()).toContain(
          "<Response>",
        );
        break;
      case "interrupt":
        session?.say({
          type: "interrupt",
          utteranceUntilInterrupt: "All is",
          durationUntilInterruptMs: "1.5",
        });
        break;
      case "digit":
        session?.say({ type: "dtmf", digit: "1" });
        break;
      case "rubbish":
        session?.say("}{");
        break;
      case "drop":
        session?.close();
        session = undefined;
        break;
      case "reopen":
        if (!session) {
          const opened = await openSession(imported, callSid);
          // Refused while the old socket is closing, and once the call has ended.
          if (opened.response.status === 101) session = opened;
          session?.say(session.setup);
        }
        break;
      case "lost": {
        const parameters = { ...call, SessionStatus: "failed", ErrorCode: "64105" };
        expect((await tell(imported, "connect-action", parameters)).status).toBe(200);
        session = undefined;
        break;
      }
      case "kill":
        session?.kill();
        session = undefined;
        break;
      case "restart":
        await restartObject(imported, callSid);
        break;
      case "kill and restart":
        session?.kill();
        session = undefined;
        await restartObject(imported, callSid);
        break;
      case "cut":
        // What joins the Worker and the object is gone, and neither of them.
        await runInDurableObject(await object(), (_, state) => {
          for (const link of state.getWebSockets()) link.close(1011);
        });
        break;
      case "twice": {
        const both = await Promise.all([1, 2].map(() => openSession(imported, callSid)));
        const taken = both.filter(({ response }) => response.status === 101);
        expect(taken.length).toBeLessThanOrEqual(session ? 0 : 1);
        session ??= taken[0];
        if (taken[0]) session?.say(session.setup);
        break;
      }
      case "sleep":
        // Who sleeps already is woken first.
        await knownOf(imported, callSid);
        await evictDurableObject(await object());
        break;
      case "alarm":
        await runDurableObjectAlarm(await object());
        break;
      case "status":
        await status();
        break;
    }
  }
  // Twilio says that the call is over, and says it again.
  await status();
  await status();
  const ended = (await outboxRows<{ type: string }>()).filter(({ type }) => type === "call.completed");
  expect(ended).toHaveLength(calls);
  const state = await knownOf(imported, callSid);
  if (state) expect(state.ended).not.toBeNull();
  const asked = modelRequests().length;
  session?.say({ type: "prompt", voicePrompt: "Still there?", last: true });
  // Nothing is known of a call whose Worker and object were both gone before it was written down.
  if (!state) return;
  expect(await (await tell(imported, "gather", { ...call, SpeechResult: "Hello?" })).text()).not.toContain(
    "<Gather",
  );
  expect(modelRequests()).toHaveLength(asked);
}

describe("whatever happens in a call", () => {
  it("it ends, and is told once", { timeout: 120_000 }, async () => {
    haveModel();
    const server = startCustomer(() => new Response("Done."), "https://tools.example");
    const parameters = { type: "object", properties: {}, additionalProperties: false };
    const imported = await haveImported({
      webhook_url: startCustomer().url,
      tools: [{ name: "book", description: "Books.", parameters, url: server.url }],
      transfer_numbers: ["+441632960123"],
    });
    // In the histories a model may be too slow for a tool, or interrupted each time.
    haveModel(async (request) =>
      (await request.text()).includes("Done.") ? streamed("Booked.") : models.books(),
    );
    const first = await openSession(imported, "CA0");
    first.say(first.setup);
    first.say({ type: "prompt", voicePrompt: "Book it.", last: true });
    const booked = expect.objectContaining({ token: " Booked." });
    await vi.waitFor(() => expect(first.received).toContainEqual(booked), 20_000);
    first.close();
    calls = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), (steps) => live(imported, steps)),
      { numRuns: 20 },
    );
    // No call of a tool was sent twice.
    const sent = server.received.map(({ headers }) => headers.get("webhook-id"));
    expect(new Set(sent).size).toBe(sent.length);
    expect(sent.length).toBeGreaterThan(0);
  });
});
