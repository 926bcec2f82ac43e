import { webhooksOf } from "../../src/answering/webhook-urls.ts";
import { serveSimulator } from "../../test/twilio-simulator/serve.ts";
import { createSimulator } from "../../test/twilio-simulator/simulator.ts";
import { addAccount, addNumber } from "../../test/twilio-simulator/state.ts";
import type { Fleet, FleetAccount } from "./fleet.ts";

// A simulated Twilio with many accounts whose numbers all point at us, in a process of its own.

const ELSEWHERE = "https://elsewhere.example/voice";

const simulator = createSimulator((request) => fetch(request));
const { state } = simulator;
const underWay = new Map<string, number>();
let mostUnderWay = 0;

const { url } = await serveSimulator({
  ...simulator,
  async fetch(request) {
    const account = /\/Accounts\/(\w+)/.exec(request.url)?.[1] ?? "";
    const present = (underWay.get(account) ?? 0) + 1;
    underWay.set(account, present);
    mostUnderWay = Math.max(mostUnderWay, present);
    try {
      return await simulator.fetch(request);
    } finally {
      underWay.set(account, (underWay.get(account) ?? 1) - 1);
    }
  },
});

const commands = {
  fill(accounts: number, numbersEach: number, publicBaseUrl: string): FleetAccount[] {
    state.numbers.clear();
    state.accounts.clear();
    return Array.from({ length: accounts }, (_, account) => {
      const owner = addAccount(state);
      const numbers = Array.from({ length: numbersEach }, (_, index) => {
        const phone_number = `+15${String(account * numbersEach + index).padStart(9, "0")}`;
        const id = `num_${crypto.randomUUID().replaceAll("-", "")}`;
        const { voice, voiceFallback, sms, smsFallback, status } = webhooksOf(publicBaseUrl, id);
        const { sid } = addNumber(state, owner, {
          phone_number,
          voice_url: voice,
          voice_fallback_url: voiceFallback,
          sms_url: sms,
          sms_fallback_url: smsFallback,
          status_callback: status,
        });
        return { id, sid, phone_number, voice_url: voice };
      });
      return { sid: owner.sid, authToken: owner.authToken, numbers };
    });
  },
  drift(oneIn: number): number {
    const drifted = [...state.numbers.values()].filter((_, index) => index % oneIn === 0);
    for (const number of drifted) number.voice_url = ELSEWHERE;
    return drifted.length;
  },
  take() {
    const of = (operation: string) =>
      state.requests.filter((request) => request.operation === operation).length;
    const taken = {
      lists: of("list"),
      fetches: of("fetch"),
      updates: of("update"),
      drifted: [...state.numbers.values()].filter(({ voice_url }) => voice_url === ELSEWHERE).length,
      mostUnderWay,
    };
    state.requests.length = 0;
    mostUnderWay = 0;
    return taken;
  },
} satisfies Record<keyof Omit<Fleet, "url" | "close">, (...values: never[]) => unknown>;

type Command = { id: number; name: keyof typeof commands; values: never[] };

process.on("message", ({ id, name, values }: Command) => {
  const command = commands[name] as (...values: never[]) => unknown;
  process.send?.({ id, result: command(...values) });
});
process.send?.({ url });
process.on("disconnect", () => process.exit(0));
