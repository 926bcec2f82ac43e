import { afterEach, describe, expect, it, vi } from "vitest";
import { RelaySocket } from "../../src/conversations/socket.ts";
import { Conversation } from "../../src/index.ts";
import { haveImported, type Imported, tell } from "../support/answering.ts";
import { deliverQueued } from "../support/consume.ts";
import { startCustomer } from "../support/customer.ts";
import { expectErrorLog, logLines } from "../support/logs.ts";
import { haveModel, modelRequests, streamed } from "../support/model.ts";
import { knownOf, objectOf, openSession } from "../support/session.ts";

// A session lives in a Worker, and its call's object keeps what it tells: each may be gone, late, or asked first.

const CALL = { CallSid: "CA1", From: "+15005550006" };
const WAIT = { timeout: 20_000 };
const SAID = { type: "text", token: "", last: true };
const prompt = (voicePrompt: string) => ({ type: "prompt", voicePrompt, last: true });
const played = (value: string) => ({ type: "info", name: "tokensPlayed", value });
const TIME_IS_UP = "I have to end this call now. Goodbye.";
const never = () => new Promise<Response>(() => undefined);

const status = (imported: Imported) =>
  tell(imported, "status", { ...CALL, CallStatus: "completed", CallDuration: "9" });
const failed = (imported: Imported) =>
  tell(imported, "connect-action", { ...CALL, SessionStatus: "failed", ErrorCode: "64105" });

afterEach(() => {
  vi.useRealTimers();
});

async function openCall(agent: Record<string, unknown> = {}) {
  const customer = startCustomer();
  const imported = await haveImported({ webhook_url: customer.url, welcome_message: "Hello.", ...agent });
  const session = await openSession(imported, "CA1");
  session.say(session.setup);
  session.say(played("Hello."));
  await session.settle();
  const told = async () => {
    await deliverQueued();
    return customer.events().filter(({ event }) => event === "call.completed");
  };
  return { imported, session, told };
}

describe("the clock of a session", () => {
  const fakeTimers = () => vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] });
  /** Second after second, until the session is over. */
  async function pass(isOver: () => boolean) {
    for (let second = 0; second < 120 && !isOver(); second += 1) {
      await vi.advanceTimersByTimeAsync(1_000);
      await vi.waitFor(() => undefined);
    }
  }

  it("rings by itself: a silent caller is asked, then let go", async () => {
    haveModel();
    const imported = await haveImported({ silence_hangup_seconds: 10, welcome_message: "Hello." });
    fakeTimers();
    const session = await openSession(imported, "CA1");
    session.say(session.setup);
    session.say(played("Hello."));
    await session.settle();
    await pass(() => session.received.some(({ type }) => type === "end"));
    const texts = session.received.flatMap(({ token }) => (token ? [token] : []));
    expect(texts).toEqual(["Are you still there?", "Goodbye."]);
    expect(session.received.at(-1)).toEqual({ type: "end", handoffData: '{"reason":"silence_timeout"}' });
  });

  it("closes a session that never says whose call it is", async () => {
    haveModel();
    const imported = await haveImported();
    fakeTimers();
    const session = await openSession(imported, "CA1");
    let code = 0;
    void session.closed.then((closed) => {
      code = closed;
    });
    await pass(() => code !== 0);
    expect(code).toBe(1000);
    expect(session.received).toEqual([]);
  });
});

describe("Twilio's report of a call's end", () => {
  it("comes before its WebSocket is closed: the session gives back what it knows, and stops", async () => {
    haveModel(never);
    const { imported, session, told } = await openCall();
    session.say(prompt("When are you open?"));
    await vi.waitFor(() => expect(modelRequests()).toHaveLength(1), WAIT);
    await status(imported);
    expect(await session.closed).toBe(1000);
    session.say(prompt("Hello?"));
    await status(imported);
    const transcript = [
      { role: "agent", text: "Hello." },
      { role: "caller", text: "When are you open?" },
    ];
    expect(await told()).toMatchObject([{ ended_reason: "caller_hangup", transcript }]);
    expect(modelRequests()).toHaveLength(1);
  });

  it("comes after, and finds the same", async () => {
    haveModel(() => streamed("At nine."));
    const { imported, session, told } = await openCall();
    session.say(prompt("When are you open?"));
    await vi.waitFor(() => expect(session.received).toContainEqual(SAID), WAIT);
    session.say(played("At nine."));
    await session.settle();
    session.close();
    // Whoever closes is answered.
    expect(await session.closed).toBe(1000);
    await vi.waitFor(async () => expect((await knownOf(imported, "CA1"))?.turns).toHaveLength(3), WAIT);
    await status(imported);
    const transcript = ["Hello.", "When are you open?", "At nine."].map((text) => ({ text }));
    expect(await told()).toMatchObject([{ ended_reason: "caller_hangup", transcript }]);
  });

  it("does not wait for a session that does not answer: what it told last counts", async () => {
    haveModel(() => streamed("At nine."));
    const { imported, session, told } = await openCall();
    session.say(prompt("When are you open?"));
    await vi.waitFor(() => expect(session.received).toContainEqual(SAID), WAIT);
    await vi.waitFor(async () => expect((await knownOf(imported, "CA1"))?.turns).toHaveLength(2), WAIT);
    session.freeze();
    await status(imported);
    session.say(prompt("Hello?"));
    await status(imported);
    const events = await told();
    expect(events).toMatchObject([{ ended_reason: "caller_hangup" }]);
    expect(JSON.stringify(events)).not.toContain("Hello?");
  });

  it("ends a call that is led by Gather meanwhile", async () => {
    haveModel(() => streamed("At nine."));
    const { imported, session, told } = await openCall();
    expect(await (await failed(imported)).text()).toContain(">Hello.</Say></Gather>");
    expect(await session.closed).toBe(1000);
    expect((await openSession(imported, "CA1")).response.status).toBe(404);
    await status(imported);
    expect(await told()).toMatchObject([{ ended_reason: "caller_hangup" }]);
  });
});

describe("a session", () => {
  it("is one of two handshakes at once", async () => {
    haveModel();
    const imported = await haveImported();
    const both = await Promise.all([openSession(imported, "CA1"), openSession(imported, "CA1")]);
    expect(both.map(({ response }) => response.status).sort()).toEqual([101, 404]);
  });

  it("is no WebSocket that does not name what it is: Twilio's own goes to no object", async () => {
    haveModel();
    const imported = await haveImported();
    const object = await objectOf(imported, "CA1");
    const { status: code } = await object.fetch("https://o.example", { headers: { upgrade: "websocket" } });
    expect(code).toBe(409);
  });

  it("that fails is closed, and the caller goes on by Gather", async () => {
    haveModel(() => streamed("At nine."));
    const { imported, session } = await openCall();
    session.say(prompt("When?"));
    await vi.waitFor(() => expect(session.received).toContainEqual(SAID), WAIT);
    vi.spyOn(RelaySocket.prototype, "read").mockImplementationOnce(() => {
      throw new Error("a bug");
    });
    session.say(prompt("And on Sunday?"));
    expect(await session.closed).toBe(1011);
    expectErrorLog("session_broken");
    expect(await (await failed(imported)).text()).toContain("Could you say that again?");
  });

  it("whose object is restarted while a tool's call is noted joins it again, and calls the tool once", async () => {
    const server = startCustomer(() => new Response("Done."), "https://tools.example");
    const parameters = { type: "object", properties: {}, additionalProperties: false };
    const book = { tool_calls: [{ index: 0, function: { name: "book", arguments: "{}" } }] };
    haveModel(async (request) =>
      (await request.text()).includes("Done.") ? streamed("Booked.") : streamed(book),
    );
    const { imported, session } = await openCall({
      tools: [{ name: "book", description: "Books.", parameters, url: server.url }],
    });
    let restarts = 0;
    const { webSocketMessage } = Conversation.prototype;
    vi.spyOn(Conversation.prototype, "webSocketMessage").mockImplementation(async function (
      this: Conversation,
      link,
      data,
    ) {
      if (!String(data).includes('"isSure":true') || ++restarts > 1)
        return webSocketMessage.call(this, link, data);
      (this as unknown as { ctx: DurableObjectState }).ctx.abort("restarted");
    });
    session.say(prompt("Book it."));
    await vi.waitFor(
      () => expect(session.received).toContainEqual(expect.objectContaining({ token: " Booked." })),
      WAIT,
    );
    expect(restarts).toBeGreaterThan(1);
    expect(server.received).toHaveLength(1);
    await session.settle();
    expect((await knownOf(imported, "CA1"))?.ended).toBeNull();
  });

  it("goes on without its object, and joins it again when it can", async () => {
    haveModel(() => streamed("At nine."));
    const { session } = await openCall();
    session.part();
    session.say(prompt("When?"));
    await vi.waitFor(() => expect(session.received).toContainEqual(SAID), WAIT);
    expect(logLines()).toContainEqual(expect.objectContaining({ event: "session_apart", level: "warn" }));
  });

  it("does nothing more once it is over: keys that wait for a pause are told to nobody", async () => {
    haveModel();
    vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] });
    const { imported, session } = await openCall();
    session.say({ type: "dtmf", digit: "1" });
    await session.settle();
    session.close();
    await session.closed;
    await vi.waitFor(
      async () => expect((await knownOf(imported, "CA1"))?.lastHearing?.overAt).toBeDefined(),
      WAIT,
    );
    await vi.advanceTimersByTimeAsync(3_000);
    await knownOf(imported, "CA1");
    expect(modelRequests()).toEqual([]);
  });

  it("calls no tool without its object, says so to the model, and goes on", async () => {
    const server = startCustomer(() => new Response("Done."), "https://tools.example");
    const parameters = { type: "object", properties: {}, additionalProperties: false };
    const book = { tool_calls: [{ index: 0, function: { name: "book", arguments: "{}" } }] };
    haveModel(async (request) =>
      (await request.text()).includes("Nothing was done.") ? streamed("I could not.") : streamed(book),
    );
    const tools = [{ name: "book", description: "Books.", parameters, url: server.url }];
    const { session } = await openCall({ tools });
    session.part();
    session.say(prompt("Book it."));
    const said = expect.objectContaining({ token: " I could not." });
    await vi.waitFor(() => expect(session.received).toContainEqual(said), WAIT);
    expect(server.received).toEqual([]);
    expect(logLines()).toContainEqual(expect.objectContaining({ event: "tool_not_called", level: "warn" }));
  });

  it("has one who speaks, though the caller has gone on before its first answer was allowed", async () => {
    haveModel(() => streamed("At nine."));
    const { session } = await openCall({ max_turns: 1 });
    session.say(prompt("When?"));
    session.say(prompt("When are you open?"));
    await vi.waitFor(() => expect(session.received.map(({ token }) => token)).toContain(TIME_IS_UP), WAIT);
    await session.look();
    expect(modelRequests()).toEqual([]);
  });

  it("sends no call of a tool that it could not note, because the caller hung up", async () => {
    const server = startCustomer(() => new Response("Done."), "https://tools.example");
    const parameters = { type: "object", properties: {}, additionalProperties: false };
    const tools = [{ name: "book", description: "Books.", parameters, url: server.url }];
    const { encrypt } = SubtleCrypto.prototype;
    const isNoted = Promise.withResolvers<void>();
    const books = streamed({
      tool_calls: [{ index: 0, function: { name: "book", arguments: "{}" } }],
    });
    haveModel(() => {
      // The next that is sealed is the note.
      vi.spyOn(crypto.subtle, "encrypt").mockImplementationOnce(async (...given) => {
        session.close();
        await session.closed;
        await vi.waitFor(async () =>
          expect((await knownOf(imported, "CA1"))?.lastHearing?.overAt).toBeDefined(),
        );
        isNoted.resolve();
        return encrypt.apply(crypto.subtle, given);
      });
      return books;
    });
    const { imported, session } = await openCall({ tools });
    session.say(prompt("Book it."));
    await isNoted.promise;
    await scheduler.wait(0);
    await knownOf(imported, "CA1");
    expect(server.received).toEqual([]);
  });

  it("ends with its call's erasure, and does not bring it back", async () => {
    haveModel(() => streamed("At nine."));
    const { imported, session } = await openCall();
    await (await objectOf(imported, "CA1")).erase();
    expect(await session.closed).toBe(1000);
    expect(await knownOf(imported, "CA1")).toBeNull();
  });
});
