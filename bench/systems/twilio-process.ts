import { serveSimulator } from "../../test/twilio-simulator/serve.ts";
import { createSimulator } from "../../test/twilio-simulator/simulator.ts";
import { type Account, addAccount, addNumber } from "../../test/twilio-simulator/state.ts";

// The simulated Twilio in a process of its own, so that its work is not done by the one that measures.

const simulator = createSimulator((request) => fetch(request));
const { state, faults } = simulator;
let numbersSoFar = 0;

function addNext(account: Account) {
  numbersSoFar += 1;
  return addNumber(state, account, { phone_number: `+15${String(numbersSoFar).padStart(9, "0")}` });
}

const commands = {
  addAccount: (fields: Partial<Account> = {}) => addAccount(state, fields),
  addNumbers: (account: Account, count: number) => Array.from({ length: count }, () => addNext(account)),
  /** Where the number's calls or texts go now. Twilio keeps what follows the # to itself. */
  urlOf: (sid: string, what: "voice_url" | "sms_url" | "status_callback") =>
    state.numbers.get(sid)?.[what]?.split("#")[0] ?? "",
  /** From now on every answer comes this many milliseconds later. */
  setLatency(milliseconds: number) {
    faults.clear();
    if (milliseconds > 0) faults.add({ effect: { kind: "slow", milliseconds }, times: null });
  },
  /** The parameters of the update that it was asked for last. */
  lastUpdate: () => state.requests.findLast(({ operation }) => operation === "update")?.parameters ?? {},
  /** What Twilio was asked since the last time. */
  take() {
    const updates = state.requests.filter(({ operation }) => operation === "update").length;
    const reads = state.requests.length - updates;
    state.requests.length = 0;
    return { reads, updates };
  },
};

export type Commands = typeof commands;

process.on("message", ({ id, name, values }: { id: number; name: keyof Commands; values: never[] }) => {
  const command = commands[name] as (...values: never[]) => unknown;
  process.send?.({ id, result: command(...values) });
});
process.send?.({ url: (await serveSimulator(simulator)).url, names: Object.keys(commands) });
process.on("disconnect", () => process.exit(0));
