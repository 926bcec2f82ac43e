import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { readConfig } from "../../src/config.ts";
import { createObjects } from "../../src/objects.ts";
import type { TextThread } from "../../src/texting/text-thread.ts";
import { createVault } from "../../src/vault/vault.ts";
import { haveImported, type Imported, tell } from "../support/answering.ts";
import { startCustomer } from "../support/customer.ts";
import { expectErrorLog, logLines } from "../support/logs.ts";
import { haveModel, modelRequests, streamed } from "../support/model.ts";
import { twilio } from "../support/twilio.ts";
import { call, get } from "../support/worker.ts";
import { effects } from "../twilio-simulator/faults.ts";
import { addMessagingService } from "../twilio-simulator/state.ts";

const PROMPT = "Acme Dental is open from nine to five on weekdays.";
const SLOT = "text_threads.state/thread";
const THEM = "+15005550006";

const threadOf = ({ id }: Imported, from = THEM) => createObjects(env, readConfig(env)).textThread(id, from);

/** Texts the number, and lets the thread do what is due. */
async function text(imported: Imported, body: string, from = THEM): Promise<void> {
  await twilio.text(imported.phoneNumber, { body, from });
  await settle(imported, from);
}

async function settle(imported: Imported, from = THEM): Promise<void> {
  const thread = await threadOf(imported, from);
  // The runtime's own clock rings its alarm, but not one that was set by a pretended clock.
  if (vi.isFakeTimers()) await runDurableObjectAlarm(thread);
  await vi.waitFor(async () => expect(await unanswered(thread)).toBe(0), { timeout: 5_000 });
  if (!vi.isFakeTimers()) await vi.waitFor(async () => expect(await isAsleep(thread)).toBe(true));
}

/** Whether nothing is under way: the next alarm, if there is one, is the one that forgets. */
async function isAsleep(thread: DurableObjectStub<TextThread>): Promise<boolean> {
  const at = await runInDurableObject(thread, (_, state) => state.storage.getAlarm());
  const isStored = await runInDurableObject(
    thread,
    async (_, state) => (await state.storage.list()).size > 0,
  );
  return isStored ? at !== null && at > Date.now() + 60_000 : at === null;
}

/** How many texts of a thread wait; none where there is no thread. */
async function unanswered(thread: DurableObjectStub<TextThread>): Promise<number> {
  const sealed = await runInDurableObject(thread, (_, state) => state.storage.get<string>("thread"));
  if (sealed === undefined) return 0;
  const vault = createVault(env.TOKEN_ENCRYPTION_KEYS);
  return JSON.parse(await vault.open(sealed, SLOT)).unanswered;
}

const sent = () => twilio.state.messages.map(({ body }) => body);
/** How often the customer was told that a text got no answer, once they have been told at all. */
const failures = () =>
  vi.waitFor(() => {
    const told = customer.events().filter(({ event }) => event === "sms.failed");
    expect(told).not.toEqual([]);
    expect(new Set(told.map(({ external_id }) => external_id))).toEqual(new Set([OWN.external_id]));
    return told.length;
  });

const OWN = { external_id: "branch-17" };
let customer: ReturnType<typeof startCustomer>;

/** An agent that answers texts, and its customer. */
function haveTexter(fields: Record<string, unknown> = {}) {
  customer = startCustomer();
  const agent = { system_prompt: PROMPT, sms_reply: true, webhook_url: customer.url, ...fields };
  return haveImported(agent, {}, OWN);
}

describe("the sealing key is rotated", () => {
  it("and the same MessageSid reaches the same thread, once", async () => {
    haveModel(() => streamed("We open at nine."));
    const imported = await haveImported({ system_prompt: PROMPT, sms_reply: true });
    const message = { MessageSid: "SM1", From: THEM, Body: "When do you open?" };
    const NEW = `new:${"A".repeat(43)}`;
    const rotated = { TOKEN_ENCRYPTION_KEYS: `${NEW},${env.TOKEN_ENCRYPTION_KEYS}` };
    await tell(imported, "sms", message);
    await tell(imported, "sms", message, { env: rotated });
    await runInDurableObject(await threadOf(imported), async (_, { storage }) => {
      expect([...(await storage.list()).keys()]).toContain("thread");
    });
    const objects = (keys: Partial<Env>) => createObjects(env, readConfig({ ...env, ...keys }));
    for (const name of ["textThread", "conversation"] as const) {
      const [before, after] = [
        await objects({})[name](imported.id, "x"),
        await objects(rotated)[name](imported.id, "x"),
      ];
      expect(after.id.equals(before.id)).toBe(true);
    }
    await settle(imported);
    expect(twilio.state.messages).toHaveLength(1);
  });
});

describe("an agent that answers texts", () => {
  it("answers by Twilio's REST API, in one thread with its correspondent", async () => {
    haveModel();
    const imported = await haveTexter();
    await text(imported, "When are you open?");
    expect(twilio.state.messages).toEqual([
      {
        sid: expect.stringMatching(/^SM/),
        from: imported.phoneNumber,
        to: THEM,
        body: "Acme Dental is open from nine to five on weekdays.",
      },
    ]);
    await text(imported, "Thank you");
    await text(imported, "Hello", "+15005550007");
    expect(modelRequests().map(({ messages }) => (messages as unknown[]).length)).toEqual([2, 4, 2]);
    expect(JSON.stringify(logLines())).not.toContain("open?");
    expect(await (await get("/v1/usage?external_id=branch-17", imported.key)).json()).toMatchObject({
      sms: { received: 3, sent: 3 },
    });
  });

  it("answers as the number says: its prompts and variables, and whether at all", async () => {
    haveModel(() => streamed("Yes."));
    const imported = await haveTexter({ system_prompt: "You work for {{business|us}}.", sms_reply: false });
    const own = (fields: object) =>
      call("PATCH", `/v1/phone-numbers/${imported.phoneNumber}`, imported.key, fields);
    const fields = { custom_prompt: "Be kind to {{who}}.", sms_prompt: "{{business}} writes little." };
    await own({ ...fields, sms_reply: true, dynamic_vars: { business: "Acme" } });
    await text(imported, "Hello");
    const [{ content } = { content: "" }] = (modelRequests()[0]?.messages ?? []) as { content: string }[];
    expect(content).toMatch(
      /^You work for Acme\.\n\nBe kind to\.\n\nAcme writes little\.\n\nYou are answering/,
    );
    await own({ sms_reply: null });
    await text(imported, "Hello again");
    expect(sent()).toEqual(["Yes."]);
  });

  it("answers through the Messaging Service that the text came by", async () => {
    haveModel();
    const imported = await haveTexter();
    const [number] = twilio.state.numbers.of(imported.account.sid);
    const service = addMessagingService(twilio.state, {
      numberSids: [number?.sid ?? ""],
      useInboundWebhookOnNumber: true,
    });
    await text(imported, "When are you open?");
    expect(twilio.state.texts).toMatchObject([{ messaging_service_sid: service.sid }]);
  });

  it("is silent unless the agent says so, and without a model", async () => {
    haveModel();
    const imported = await haveTexter({ sms_reply: false });
    await text(imported, "Hello");
    expect(sent()).toEqual([]);
  });

  it.each(["stop.", "Unsubscribe", "HELP", "START"])("leaves %s to Twilio", async (word) => {
    haveModel();
    const imported = await haveTexter();
    await text(imported, word);
    expect([sent(), modelRequests()]).toEqual([[], []]);
  });

  it.each([
    "OPT OUT",
    "STOP ALL",
    "Stop please",
    '"STOP"',
    "STOP\u200b",
    "ST\u200bOP",
    "\ufeff\u201cstop\u201d please\u00ad",
    "\uff33\uff34\uff2f\uff30",
    "PLEASE OPT-OUT",
    "Please stop texting me!",
    "Don’t text me again",
    "STOP",
  ])("does not answer who opts out in clear words, and tells of it: %s", async (words) => {
    haveModel();
    const imported = await haveTexter();
    await text(imported, words);
    expect([sent(), modelRequests()]).toEqual([[], []]);
    await vi.waitFor(() =>
      expect(customer.events().filter(({ event }) => event === "sms.opted_out")).toMatchObject([
        { from: THEM, to: imported.phoneNumber, text: expect.any(String) },
      ]),
    );
  });

  it.each<[string, Record<string, unknown>, Record<string, string>, string]>([
    ["as Advanced Opt-Out tells it", {}, { Body: "Adieu", OptOutType: "STOP" }, THEM],
    ["also if the agent answers no texts", { sms_reply: false }, { Body: "OPT OUT" }, THEM],
    ["of a sender without a number", {}, { Body: "STOP", From: "+266696687" }, "unknown"],
  ])("tells of an opt-out %s", async (_, agent, parameters, from) => {
    haveModel();
    const imported = await haveTexter(agent);
    await tell(imported, "sms", { MessageSid: "SM1", From: THEM, To: imported.phoneNumber, ...parameters });
    await vi.waitFor(() =>
      expect(customer.events().filter(({ event }) => event === "sms.opted_out")).toMatchObject([{ from }]),
    );
    await vi.waitFor(() =>
      expect(customer.events().find(({ event }) => event === "sms.received")).toMatchObject({ from }),
    );
    expect([sent(), modelRequests()]).toEqual([[], []]);
  });

  it.each([
    "Can I stop by at five?",
    "When does it end?",
    "Cancel my appointment on Friday",
    "Stop is a word",
  ])("answers who only uses the word: %s", async (words) => {
    haveModel(() => streamed("Yes."));
    await text(await haveTexter(), words);
    expect(sent()).toEqual(["Yes."]);
  });

  it("answers a text that came meanwhile next, and to the right question", async () => {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    haveModel(async () => {
      if (modelRequests().length === 1) await released;
      return streamed(`Answer ${modelRequests().length}.`);
    });
    const imported = await haveTexter();
    await twilio.text(imported.phoneNumber, { body: "Are you open on Sunday?", from: THEM });
    await vi.waitFor(() => expect(modelRequests()).toHaveLength(1), { timeout: 10_000 });
    await twilio.text(imported.phoneNumber, { body: "And do you have parking?", from: THEM });
    await new Promise((resolve) => setTimeout(resolve, 100));
    release();
    await vi.waitFor(() => expect(sent()).toEqual(["Answer 1.", "Answer 2."]), { timeout: 10_000 });
    expect((modelRequests()[1] as { messages: object[] }).messages.slice(1)).toEqual([
      { role: "user", content: "Are you open on Sunday?" },
      { role: "assistant", content: "Answer 1." },
      { role: "user", content: "And do you have parking?" },
    ]);
    await settle(imported);
  });

  it.each<[string, Record<string, unknown>, () => Response, string]>([
    [
      "is cut off before an emoji",
      { max_characters_per_turn: 50 },
      () => streamed(`${"x".repeat(49)}\u{1f600}`),
      "x".repeat(49),
    ],
    [
      "has no thoughts",
      {},
      () =>
        streamed(
          "<think>\nThe user wants hours. ",
          "I should say nine.",
          "\n</think>\n\n",
          "We open at nine.",
        ),
      "We open at nine.",
    ],
  ])("answers with what %s", async (_, agent, answer, expected) => {
    haveModel(answer);
    await text(await haveTexter(agent), "When are you open?");
    expect(sent()).toEqual([expected]);
  });

  it("asks a strict model as it wants", async () => {
    haveModel(async (request) => {
      const body = (await request.json()) as { messages: { role: string }[] };
      const roles = body.messages.map(({ role }) => role).join();
      const isWrong = "max_tokens" in body || !/^system(,user,assistant)*,user$/.test(roles);
      return isWrong ? new Response('{"param":"max_tokens"}', { status: 400 }) : streamed("Yes.");
    });
    const imported = await haveTexter();
    for (const body of ["Are you open?", "On Sunday?"]) await text(imported, body);
    expect(sent()).toEqual(["Yes.", "Yes."]);
  });

  it("takes a text although the object is restarted once, and tells if it cannot be taken", async () => {
    haveModel();
    const imported = await haveTexter();
    let left = 1;
    const broken = {
      TEXT_THREADS: {
        getByName: (name: string) => {
          left -= 1;
          if (left >= 0)
            return {
              receive: () => Promise.reject(new Error("Durable Object reset because its code was updated.")),
            };
          return env.TEXT_THREADS.getByName(name);
        },
      },
    } as unknown as Partial<Env>;
    const message = { MessageSid: "SM1", From: THEM, To: imported.phoneNumber, Body: "When are you open?" };
    await tell(imported, "sms", message, { env: broken });
    await vi.waitFor(() => expect(sent()).toHaveLength(1), { timeout: 10_000 });
    left = 9;
    expectErrorLog("text_not_answered");
    await tell(imported, "sms", { ...message, MessageSid: "SM2" }, { env: broken });
    expect(await failures()).toBe(1);
    await settle(imported);
  });

  it.each(["12345", "Acme", ""])("cannot answer %j", async (from) => {
    haveModel();
    const imported = await haveTexter();
    await text(imported, "Hello", from);
    expect(sent()).toEqual([]);
  });

  it("answers no more than ten times an hour, and tells of it once", async () => {
    haveModel((_) => streamed("Hi, I am a machine too."));
    const imported = await haveTexter();
    for (let count = 0; count < 13; count += 1) await text(imported, `Hi ${count}`);
    expect([sent().length, await failures()]).toEqual([10, 1]);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 61 * 60 * 1_000 });
    try {
      await text(imported, "Hi again");
    } finally {
      vi.useRealTimers();
    }
    expect(sent()).toHaveLength(11);
  });

  it.each<[string, () => void]>([
    ["the model fails", () => haveModel(() => new Response("", { status: 500 }))],
    ["Twilio refuses", () => twilio.state.optedOut.add(THEM)],
    ["Twilio's answer is lost", () => twilio.faults.add({ effect: effects.replyLost, operation: "message" })],
    ["Twilio fails", () => twilio.faults.add({ effect: effects.serverErrorHtml, operation: "message" })],
  ])("tells its customer where %s, and sends nothing twice", async (_, breaks) => {
    haveModel();
    const imported = await haveTexter();
    breaks();
    await text(imported, "When are you open?");
    await settle(imported);
    expect(await failures()).toBe(1);
    expect(sent().length).toBeLessThanOrEqual(1);
  });

  it("does not send again what it may have sent before it was restarted", async () => {
    haveModel();
    const imported = await haveTexter();
    await text(imported, "When are you open?");
    const vault = createVault(env.TOKEN_ENCRYPTION_KEYS);
    await runInDurableObject(await threadOf(imported), async (_, { storage }) => {
      const thread = JSON.parse(await vault.open((await storage.get<string>("thread")) ?? "", SLOT));
      await storage.put(
        "thread",
        await vault.seal(JSON.stringify({ ...thread, isSending: true, unanswered: 1 }), SLOT),
      );
      await storage.setAlarm(Date.now());
    });
    await settle(imported);
    expect([sent().length, await failures()]).toEqual([1, 1]);
  });

  it("forgets the thread after twelve hours, and keeps it sealed until then", async () => {
    haveModel();
    const imported = await haveTexter();
    await text(imported, "When are you open?");
    const stored = async () =>
      runInDurableObject(await threadOf(imported), async (_, state) => [
        ...(await state.storage.list()).values(),
      ]);
    expect(await stored()).toEqual([expect.stringMatching(/^v1\./)]);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 13 * 60 * 60 * 1_000 });
    try {
      await runDurableObjectAlarm(await threadOf(imported));
    } finally {
      vi.useRealTimers();
    }
    expect(await stored()).toEqual([]);
  });
});
