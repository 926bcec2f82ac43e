import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { haveImported, type Imported } from "../support/answering.ts";
import { deliverQueued } from "../support/consume.ts";
import { startCustomer } from "../support/customer.ts";
import { eventStream, haveModel } from "../support/model.ts";
import { restartObject } from "../support/session.ts";
import { atOurPace } from "../support/slow-clock.ts";
import { twilio } from "../support/twilio.ts";
import { get } from "../support/worker.ts";
import type { Line, Utterance } from "../twilio-simulator/call.ts";
import { mulberry32, rude, wait } from "../twilio-simulator/voice.ts";

// Calls as long as they take, with a Twilio that is as rude as the real one: the caller hears every answer and every goodbye
// whole unless they interrupt, nobody who speaks is called silent, and the customer is told once, and what was heard.

const CALLS = Number(env.TALKS);
const AT_ONCE = 60;
const DESK = "+441632960123";
const OURS = ["One moment. ", "Sorry, that took too long. Let me try again. "];
const ANSWERS = [
  "We open at nine.",
  "Acme Dental is open from nine to five on weekdays, and on Saturdays until noon. Parking is behind the house.",
  "Yes 😀, of course.",
  "The doctor is in on Monday and on Thursday, and you can always call again.",
];
const QUESTIONS = [
  "When are you open?",
  "I would like to know whether you have anything free next week, on Tuesday or on Wednesday in the afternoon, because I work until three.",
  "And on Sunday?",
];
const GOODBYES = ["Goodbye.", "Goodbye, and thank you very much for calling Acme Dental today."];
const KINDS = ["answers", "drips", "slow", "fails_once", "breaks", "thinks", "tool_alone"] as const;

type Plan = {
  index: number;
  say: Utterance[];
  isSilent: boolean;
  resetAfterMs: number | null;
  failure?: { code: string; when: "before_setup" | "after_setup" };
  random: () => number;
  requests: number;
};

const from = (index: number) => `+1500666${String(index).padStart(4, "0")}`;

function planOf(index: number): Plan {
  const random = mulberry32(index + 1);
  const one = <Value>(...values: Value[]): Value => values[Math.floor(random() * values.length)] as Value;
  const utterance = (): Utterance => {
    const afterMs = 200 + random() * 1_300;
    return one<Utterance>(
      { say: one(...QUESTIONS), afterMs },
      { say: one(...QUESTIONS), afterMs },
      { say: one(...QUESTIONS), interrupts: true, afterMs },
      { say: one(...QUESTIONS), hurries: true, afterMs },
      { digits: one("1", "42", "7#", "12345"), afterMs },
    );
  };
  const say = Array.from({ length: 1 + Math.floor(random() * 3) }, utterance);
  const end = one("bye", "bye", "person", "hangs up", "hangs up", "silent");
  if (end === "bye") say.push({ say: "Goodbye.", afterMs: 500 });
  if (end === "person") say.push({ say: "A person, please.", afterMs: 500 });
  if (end === "hangs up") say.push({ hangsUp: true, interrupts: random() < 0.5, afterMs: random() * 2_000 });
  if (end !== "hangs up") say.push({ silent: true }, { silent: true });
  const failure = { code: one("64101", "64106", "64114"), when: one("before_setup", "after_setup") } as const;
  return {
    index,
    say,
    isSilent: end === "silent",
    resetAfterMs: random() < 0.15 ? random() * 8_000 : null,
    ...(random() < 0.4 && { failure }),
    random,
    requests: 0,
  };
}

/** A model that takes its time, fails and thinks, by the call's own dice. */
async function answer(request: Request, plans: readonly Plan[]): Promise<Response> {
  const { messages } = (await request.json()) as { messages: { role: string; content: string }[] };
  const index = Number(/number is \+1500666(\d{4})/.exec(messages[0]?.content ?? "")?.[1]);
  const plan = plans.find((candidate) => candidate.index === index);
  const asked = messages.at(-1)?.content ?? "";
  if (!plan) return new Response("", { status: 500 });
  const { random } = plan;
  plan.requests += 1;
  const one = <Value>(...values: Value[]): Value => values[Math.floor(random() * values.length)] as Value;
  const kind = one(...KINDS);
  if (kind === "fails_once") {
    plan.random = random;
    if (random() < 0.5) return new Response("", { status: 503 });
  }
  const tool = /Goodbye/.test(asked) ? "end_call" : /person/.test(asked) ? "transfer_call" : null;
  const text =
    tool === "end_call" ? one(...GOODBYES) : tool ? "I will put you through now." : one(...ANSWERS);
  const said = tool && kind === "tool_alone" ? "" : text;
  const deltas: object[] = (said.match(/\S+\s*/g) ?? []).map((content) => ({ content }));
  if (kind === "thinks") deltas.unshift({ content: "<thi" }, { content: "nk>Hm.</think>\n" });
  if (kind === "breaks" && !tool && deltas.length > 3) deltas.splice(3, deltas.length, "}{" as never);
  if (tool) deltas.push({ tool_calls: [{ index: 0, function: { name: tool, arguments: "{}" } }] });
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      if (kind === "slow") await wait(1_600 + random() * 1_500);
      for (const delta of deltas) {
        if (kind === "drips") await wait(random() * 300);
        const data = typeof delta === "string" ? delta : JSON.stringify({ choices: [{ delta }] });
        try {
          controller.enqueue(encoder.encode(`data: ${data}\n\n`));
        } catch {
          return;
        }
      }
      controller.enqueue(encoder.encode("data: [DONE]\n\n"));
      controller.close();
    },
  });
  return eventStream(body);
}

const plain = (text: string) =>
  OURS.reduce((rest, ours) => rest.replace(ours, ""), `${text} `)
    .replace(/^(?:One moment\.|Sorry, that took too long\. Let me try again\.)\s*$/, "")
    .trim();

describe("calls as long as they take", () => {
  it("are heard whole, and told as they were heard", { timeout: 3_600_000 }, async () => {
    const plans = Array.from({ length: CALLS }, (_, index) => planOf(index));
    haveModel((request) => answer(request, plans));
    const customer = startCustomer();
    const agent = {
      webhook_url: customer.url,
      transfer_numbers: [DESK],
      silence_hangup_seconds: 8,
      welcome_message: "Hello, this is Acme Dental.",
      fallback: { type: "say", text: "Please call again." },
    };
    const relayed = await haveImported(agent);
    // Whoever's session fails is an account of its own: Twilio's refusal is remembered.
    const failing = await haveImported(agent, { phone_number: "+447446466848" });
    const wrong: string[] = [];
    const run = (plan: Plan) =>
      live(plan, plan.failure ? failing : relayed, wrong).catch((error: unknown) =>
        wrong.push(`call ${plan.index}: ${error instanceof Error ? error.stack : error}`),
      );
    await atOurPace(async () => {
      for (let start = 0; start < CALLS; start += AT_ONCE)
        await Promise.all(plans.slice(start, start + AT_ONCE).map(run));
    });
    await deliverQueued();
    const told = customer.events().filter(({ event }) => event === "call.completed");
    expect(wrong.map((what) => what.toWellFormed())).toEqual([]);
    expect(told).toHaveLength(CALLS);
    expect(new Set(told.map(({ call_id }) => call_id)).size).toBe(CALLS);
  });
});

type Told = { ended_reason: string; transcript: { role: string; text: string; interrupted?: true }[] };

async function live(plan: Plan, imported: Imported, wrong: string[]): Promise<void> {
  const left = [...plan.say];
  let callSid = "";
  const heard: Line[] = [];
  const manners = rude(plan.index + 1);
  const ringing = twilio.ring(imported.phoneNumber, {
    from: from(plan.index),
    say: async () => left.shift(),
    onLine: (line) => heard.push(line),
    onCall: (sid) => {
      callSid = sid;
    },
    manners,
    ...(plan.failure && { failure: plan.failure }),
    patienceMs: 40_000,
  });
  if (plan.resetAfterMs !== null) {
    await wait(plan.resetAfterMs);
    await restartObject(imported, callSid);
  }
  const { conversation, exchanges, documents } = await ringing;
  const event = exchanges.findLast(({ url }) => url.endsWith("/status"));
  const say = (what: string): void =>
    void wrong.push(
      `call ${plan.index}: ${what}\n${conversation
        .map(
          ({ by, text, interrupted, cut }) =>
            `  ${by}: ${text}${interrupted ? " …" : ""}${cut ? ` [${cut}]` : ""}`,
        )
        .join("\n")}\n  ${JSON.stringify(plan.say)} ${plan.resetAfterMs ?? ""}`,
    );
  if (event?.status !== 204) say("its end is not taken");
  if (conversation.some(({ cut }) => cut === "ended")) say("an end cut the agent's words");
  const texts = conversation.filter(({ by }) => by === "agent").map(({ text }) => plain(text));
  if (!plan.isSilent && texts.some((text) => /still there/.test(text))) say("who speaks is called silent");
  if (plan.isSilent && !texts.some((text) => /still there/.test(text))) say("who is silent is not asked");
  if (texts.some((text) => /not taking calls/.test(text))) say("it is refused");
  const logged = (await (await get(`/v1/calls/${callSid}`, imported.key)).json()) as Told;
  const isByGather = documents.some((document) => document.includes("<Gather"));
  compare(logged, conversation, { isByGather, isUntold: manners.played === "never" }, say);
}

/** The transcript against what was heard. */
function compare(
  { transcript }: Told,
  conversation: Line[],
  { isByGather, isUntold }: { isByGather: boolean; isUntold: boolean },
  say: (what: string) => void,
): void {
  const lines = conversation
    .map((line) => ({ ...line, text: plain(line.text) }))
    .filter(({ text }) => text !== "");
  for (const by of ["agent", "caller"]) {
    const heard = lines.filter((line) => line.by === by);
    const told = transcript.filter(({ role }) => role === by);
    let place = 0;
    const report = (what: string, text: string) => say(`${what}: ${text}\n${JSON.stringify(transcript)}`);
    const isWhole = ({ interrupted, cut }: Line) => by === "agent" && !interrupted && !cut;
    for (const [index, { text, interrupted }] of told.entries()) {
      const keys = text.replace(/^\(The caller pressed (.*) on the keypad\.\)$/, "$1");
      // `<Gather>` never tells how much was heard, and not every session does: then a clock does.
      const isLast = index === told.length - 1;
      const isLoose = isByGather || (interrupted === true && (isLast || isUntold));
      const found = heard.findIndex((line, at) => at >= place && isSame(line, keys, { isLoose, isByGather }));
      // A moment after the first sound, nothing is heard yet.
      if (found < 0 && ((interrupted && text.length < 25) || (isByGather && isLast))) continue;
      if (found < 0) {
        report("the transcript has what was not heard", text);
        return;
      }
      const lacked = heard.slice(place, found).find(isWhole);
      if (lacked) report("the transcript lacks what was heard", lacked.text);
      place = found + 1;
    }
    const rest = heard.slice(place).find((line) => isWhole(line) && !/Please call again/.test(line.text));
    if (rest) report("the transcript lacks what was heard", rest.text);
  }
}

/** Of what was cut off Twilio tells in pieces. */
function isSame(
  { text: heard, interrupted, cut }: Line,
  told: string,
  { isLoose, isByGather }: { isLoose: boolean; isByGather: boolean },
): boolean {
  if (!interrupted && !cut && !isLoose) return heard === told || heard.replace("#", "") === told;
  const isClose = isByGather || Math.abs(heard.length - told.length) <= 80;
  return (heard.startsWith(told) || told.startsWith(heard)) && isClose;
}
