import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { readConfig } from "../../src/config.ts";
import { Link } from "../../src/conversations/link.ts";
import { PROTOCOL, type Told } from "../../src/conversations/protocol.ts";
import { newHearing } from "../../src/conversations/speech.ts";
import { type News, newState, type Opening, type State, withNews } from "../../src/conversations/state.ts";
import { createLogger } from "../../src/http/log.ts";
import { createVault, openJson } from "../../src/vault/vault.ts";
import { haveImported, tell } from "../support/answering.ts";
import { deliverQueued } from "../support/consume.ts";
import { startCustomer } from "../support/customer.ts";
import { haveModel } from "../support/model.ts";
import { knownOf, objectOf, openSession } from "../support/session.ts";

// What the object of a call makes of what its session tells.

const SLOT = "conversations.state/call";

describe("the memory of a call", () => {
  it("has each turn once, though it is too large and its oldest turns are dropped", async () => {
    const vault = createVault(readConfig(env).tokenEncryptionKeys);
    const { 0: theirs, 1: ours } = new WebSocketPair();
    ours.accept();
    let kept: State | null = null;
    const opened: Promise<void>[] = [];
    ours.addEventListener("message", ({ data }) => {
      const told = JSON.parse(String(data)) as Told;
      const open = async () => {
        if ("state" in told) kept = await openJson<State>(vault, told.state, SLOT);
        const news = "news" in told && (await openJson<News>(vault, told.news, SLOT));
        if (news) kept = withNews(kept, news);
      };
      opened.push(open());
    });
    const link = new Link({
      object: async () => ({
        fetch: async () => new Response(null, { status: 101, webSocket: theirs, headers: PROTOCOL }),
      }),
      vault,
      log: createLogger({}),
      hearing: () => newHearing(0),
      ...{ stop: () => undefined, taken: () => undefined, lost: () => undefined },
    });
    const opening = { greeting: null, from: "", agent: { talk: {} } } as unknown as Opening;
    const turns = Array.from({ length: 300 }, (_, index) => ({
      role: "caller" as const,
      text: `${index} ${"あ".repeat(2_000)}`,
      at: "2026-01-01T00:00:00.000Z",
    }));
    const tool = { role: "tool" as const, at: turns[0]?.at ?? "" };
    const call = { id: "tcall_1", name: "book", arguments: "{}", result: null };
    const before = { ...newState(opening, 0), relayStarted: true, turns: [...turns, { ...tool, call }] };
    await link.write(before, () => true, false);
    const after = { ...before, turns: [...turns, { ...tool, call: { ...call, result: "Done." } }] };
    await link.write(after, () => true, false);
    await vi.waitFor(() => expect(opened).toHaveLength(2));
    await Promise.all(opened);
    const known = (kept as State | null)?.turns ?? [];
    expect(known).toEqual(after.turns.slice(-known.length));
    expect(known.length).toBeGreaterThan(100);
  });

  it("is what is stored, if what was told since cannot be read", async () => {
    haveModel();
    const customer = startCustomer();
    const imported = await haveImported({ webhook_url: customer.url, welcome_message: "Hello." });
    const session = await openSession(imported, "CA1");
    session.say(session.setup);
    await session.settle();
    await vi.waitFor(async () => expect((await knownOf(imported, "CA1"))?.relayStarted).toBe(true));
    await runInDurableObject(await objectOf(imported, "CA1"), (_, state) => {
      for (const link of state.getWebSockets()) link.serializeAttachment({ news: "v1.unreadable" });
    });
    session.freeze();
    await tell(imported, "status", { CallSid: "CA1", CallStatus: "completed", CallDuration: "9" });
    await deliverQueued();
    const told = customer.events().filter(({ event }) => event === "call.completed");
    expect(told).toMatchObject([{ ended_reason: "caller_hangup" }]);
  });
});
