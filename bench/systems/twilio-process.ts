import { webhooksOf } from "../../src/twilio/webhook-urls.ts";
import { serveSimulator } from "../../test/twilio-simulator/serve.ts";
import { createSimulator } from "../../test/twilio-simulator/simulator.ts";
import { type Account, addAccount, addNumber } from "../../test/twilio-simulator/state.ts";

// The simulated Twilio in a process of its own, so that its work is not done by the one that measures.

const ELSEWHERE = "https://elsewhere.example/voice";

const simulator = createSimulator((request) => fetch(request));
const { state, faults } = simulator;
let numbersSoFar = 0;

function addNext(account: Account, webhooks = {}) {
  numbersSoFar += 1;
  const phone_number = `+15${String(numbersSoFar).padStart(9, "0")}`;
  return addNumber(state, account, { phone_number, ...webhooks });
}

function addImported(account: Account, count: number, publicBaseUrl: string) {
  return Array.from({ length: count }, () => {
    const id = `num_${crypto.randomUUID().replaceAll("-", "")}`;
    const { voice, voiceFallback, sms, smsFallback, status } = webhooksOf(publicBaseUrl, id);
    const { sid, phone_number } = addNext(account, {
      voice_url: voice,
      voice_fallback_url: voiceFallback,
      sms_url: sms,
      sms_fallback_url: smsFallback,
      status_callback: status,
    });
    return { id, twilio_number_sid: sid, phone_number };
  });
}

const commands = {
  addAccount: (fields: Partial<Account> = {}) => addAccount(state, fields),
  addNumbers: (account: Account, count: number) => Array.from({ length: count }, () => addNext(account)),
  /** Numbers that point at us already, with the ids of their rows. */
  addImported,
  /** Accounts with one such number each. */
  addFleet: (count: number, publicBaseUrl: string) =>
    Array.from({ length: count }, () => {
      const account = addAccount(state);
      const [number] = addImported(account, 1, publicBaseUrl);
      return { account, number };
    }),
  /** Where the number's calls go now. Twilio keeps what follows the # to itself. */
  voiceUrl: (sid: string) => state.numbers.get(sid)?.voice_url?.split("#")[0] ?? "",
  /** From now on every answer comes this many milliseconds later. */
  setLatency(milliseconds: number) {
    faults.clear();
    if (milliseconds > 0) faults.add({ effect: { kind: "slow", milliseconds }, times: null });
  },
  /** Somebody edits the voice URL of one number in so many. */
  drift(oneIn: number) {
    const drifted = [...state.numbers.values()].filter((_, index) => index % oneIn === 0);
    for (const number of drifted) number.voice_url = ELSEWHERE;
  },
  /** The parameters of the update that it was asked for last. */
  lastUpdate: () => state.requests.findLast(({ operation }) => operation === "update")?.parameters ?? {},
  /** What Twilio was asked since the last time, and how many numbers point elsewhere now. */
  take() {
    const updates = state.requests.filter(({ operation }) => operation === "update").length;
    const reads = state.requests.length - updates;
    state.requests.length = 0;
    const drifted = [...state.numbers.values()].filter(({ voice_url }) => voice_url === ELSEWHERE).length;
    return { reads, updates, drifted };
  },
};

export type Commands = typeof commands;

process.on("message", ({ id, name, values }: { id: number; name: keyof Commands; values: never[] }) => {
  const command = commands[name] as (...values: never[]) => unknown;
  process.send?.({ id, result: command(...values) });
});
process.send?.({ url: (await serveSimulator(simulator)).url, names: Object.keys(commands) });
process.on("disconnect", () => process.exit(0));
