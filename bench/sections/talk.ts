import { phrasesIn } from "../../src/agents/phrases.ts";
import { sign } from "../../src/twilio/signature.ts";
import { openFromNode } from "../../test/twilio-simulator/sockets.ts";
import { alternate, atOnce } from "../measure/rounds.ts";
import { median } from "../measure/statistics.ts";
import type { Options } from "../options.ts";
import { row, type SectionReport } from "../report.ts";
import { answer, signedCall } from "../systems/calls.ts";
import { startSystems } from "../systems/systems.ts";
import { startHelper, type TwilioAccount } from "../systems/twilio.ts";
import { PUBLIC_BASE_URL } from "../systems/workerd.ts";

// What many callers at once on two cores wait for is no loss.
const MODEL_TIMEOUT_MS = "60000";
const TURNS_PER_ROUND = 30;
/** Of a model that takes 100 ms, five are ours at most. */
const GOAL = 1.05;
const CONVERSATIONS = 500;
const TURNS = 3;
/** Calls begin one after the other, and go on at once. */
const OPENED_AT_ONCE = 25;

/** What a caller waits for beyond the model itself, and whether conversations get mixed up when there are many. */
export async function measureTalk({ rounds }: Options): Promise<SectionReport> {
  const model = await startHelper("bench/systems/model-process.ts");
  const systems = await startSystems({}, { MODEL_BASE_URL: model.url, MODEL: "fixed", MODEL_TIMEOUT_MS });
  const { account, customer, twilio, urls } = systems;
  const [number] = await twilio.addNumbers(account, 1);
  if (!number) throw new Error("no number to call");
  await customer(account, number);
  const voiceUrl = await twilio.urlOf(number.sid, "voice_url");
  const call = () => openCall(urls.worker, account, number.phone_number, voiceUrl);

  const block = async (act: () => Promise<number>) => {
    const values: number[] = [];
    for (let turn = 0; turn < TURNS_PER_ROUND; turn += 1) values.push(await act());
    return median(values);
  };
  const direct = () => block(() => askDirectly(model.url));
  // A call of its own for each block: a call has a longest number of turns.
  const ours = async () => {
    const talk = await call();
    const first = await block(async () => (await talk.say("Hello?")).firstMs);
    talk.close();
    return first;
  };
  await ours();
  await direct();
  const measured = await alternate(rounds, { direct, ours });

  const talks: Awaited<ReturnType<typeof call>>[] = [];
  await atOnce(Array(CONVERSATIONS).fill(0), OPENED_AT_ONCE, async () => talks.push(await call()));
  const startedAt = performance.now();
  const wrong = await Promise.all(
    talks.map(async (talk, index) => {
      let count = 0;
      for (let turn = 0; turn < TURNS; turn += 1) {
        const words = `caller ${index}, turn ${turn}`;
        // Who speaks again at once has heard nothing of the answer: the model is asked all that they said.
        const said = (await talk.say(words)).text.replace("You said: ", "").split("\n");
        if (said.at(-1) !== words || said.some((line) => !line.startsWith(`caller ${index},`))) count += 1;
      }
      talk.close();
      return count;
    }),
  );
  const seconds = (performance.now() - startedAt) / 1_000;
  await systems.close();
  model.close();

  const lost = wrong.reduce((sum, count) => sum + count, 0);
  const spoken = "from a caller's words to the first word of the answer";
  const rows = [
    row(spoken, "ms", measured.ours, "the model itself", measured.direct, GOAL),
    row(`turns lost or mixed up, of ${CONVERSATIONS} calls`, "", [lost], "all", [CONVERSATIONS * TURNS], 0),
  ];
  const note = `${CONVERSATIONS} conversations of ${TURNS} turns, all open at once, took ${seconds.toFixed(1)} s.`;
  return { title: "Conversations", rows, notes: [note] };
}

type Heard = { firstMs: number; text: string };

/** A call of its own, with its WebSocket opened as Twilio opens it. */
async function openCall(worker: string, account: TwilioAccount, to: string, voiceUrl: string) {
  const call = await signedCall(account, to, voiceUrl, worker);
  const callSid = new URLSearchParams(call.body).get("CallSid");
  const signed = /<ConversationRelay [^>]*url="([^"]+)"/.exec(await answer(call))?.[1] ?? "";
  const signature = await sign(account.authToken, signed, new URLSearchParams());
  const url = signed.replace(PUBLIC_BASE_URL.replace("http", "ws"), worker.replace("http", "ws"));
  const socket = await openFromNode(url, { "x-twilio-signature": signature });
  let isOver = false;
  let hear: (frame: { type?: string; token?: string; last?: boolean }) => void = () => undefined;
  socket.addEventListener("message", ({ data }) => hear(JSON.parse(String(data))));
  socket.addEventListener("close", () => {
    isOver = true;
    hear({ type: "text", last: true });
  });
  socket.send(JSON.stringify({ type: "setup", callSid, accountSid: account.sid, from: "+14158675309" }));
  const say = (voicePrompt: string) =>
    new Promise<Heard>((resolve) => {
      const heard: Heard = { firstMs: 0, text: "" };
      if (isOver) return resolve(heard);
      const startedAt = performance.now();
      hear = ({ type, token = "", last }) => {
        if (type !== "text") return;
        if (heard.text === "") heard.firstMs = performance.now() - startedAt;
        // If many wait for two cores, some hear a filler first.
        if (token !== phrasesIn("en").filler) heard.text += token;
        if (last) resolve(heard);
      };
      socket.send(JSON.stringify({ type: "prompt", voicePrompt, last: true }));
    });
  return { say, close: () => socket.close(1000) };
}

/** How long the model takes to its first piece, in milliseconds. */
async function askDirectly(url: string): Promise<number> {
  const body = JSON.stringify({ messages: [{ role: "user", content: "Hello?" }], stream: true });
  const startedAt = performance.now();
  const response = await fetch(`${url}/chat/completions`, { method: "POST", body });
  const reader = response.body?.getReader();
  await reader?.read();
  const took = performance.now() - startedAt;
  while (!(await reader?.read())?.done);
  return took;
}
