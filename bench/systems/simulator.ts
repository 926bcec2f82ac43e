import { fork } from "node:child_process";
import { json, sendExpecting } from "../measure/client.ts";
import { firstMessage } from "./child.ts";

export type TwilioAccount = { sid: string; authToken: string };
/** The part of the resource the bench looks at. */
export type TwilioNumber = { sid: string; phone_number: string; account_sid: string; voice_url: string };

export type RunningSimulator = {
  url: string;
  addAccount: (fields?: { maxConcurrentRequests?: number }) => Promise<TwilioAccount>;
  addNumbers: (account: TwilioAccount, count: number) => Promise<TwilioNumber[]>;
  /** The number as it is now. */
  read: (account: TwilioAccount, number: TwilioNumber) => Promise<TwilioNumber>;
  /** From now on every answer comes this many milliseconds later. */
  setLatency: (milliseconds: number) => Promise<void>;
  /** How many requests its API has taken in. */
  requestsSoFar: () => Promise<number>;
  close: () => void;
};

let numbersSoFar = 0;

/** Starts the simulator of the tests in a process of its own. */
export async function startSimulator(): Promise<RunningSimulator> {
  const child = fork("bench/systems/simulator-process.ts");
  const { url } = await firstMessage<{ url: string }>(child);
  const control = async (path: string, fields: unknown) =>
    JSON.parse(
      await sendExpecting(201, {
        url: `${url}/_simulator${path}`,
        headers: json,
        body: JSON.stringify(fields),
      }),
    );

  return {
    url,
    addAccount: (fields = {}) => control("/accounts", fields),
    async addNumbers(account, count) {
      const added: TwilioNumber[] = [];
      for (let index = 0; index < count; index += 1) {
        numbersSoFar += 1;
        const phone_number = `+1500${String(numbersSoFar).padStart(7, "0")}`;
        added.push(await control("/numbers", { account_sid: account.sid, phone_number }));
      }
      return added;
    },
    async read(account, { sid }) {
      const path = `/2010-04-01/Accounts/${account.sid}/IncomingPhoneNumbers/${sid}.json`;
      const headers = { authorization: basic(account) };
      return JSON.parse(await sendExpecting(200, { method: "GET", url: url + path, headers }));
    },
    async setLatency(milliseconds) {
      await sendExpecting(200, { method: "DELETE", url: `${url}/_simulator/faults` });
      if (milliseconds > 0) await control("/faults", { effect: { kind: "slow", milliseconds }, times: null });
    },
    async requestsSoFar() {
      const inside = JSON.parse(await sendExpecting(200, { method: "GET", url: `${url}/_simulator` }));
      return inside.requests.length;
    },
    close: () => child.disconnect(),
  };
}

/** The Authorization header of an account (RFC 7617). */
export function basic({ sid, authToken }: TwilioAccount): string {
  return `Basic ${Buffer.from(`${sid}:${authToken}`).toString("base64")}`;
}
