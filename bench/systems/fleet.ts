import { fork } from "node:child_process";
import { firstMessage } from "./child.ts";

export type FleetNumber = { id: string; sid: string; phone_number: string; voice_url: string };
export type FleetAccount = { sid: string; authToken: string; numbers: FleetNumber[] };

/** What Twilio was asked since the last time, and how many numbers point elsewhere now. */
export type Taken = {
  lists: number;
  fetches: number;
  updates: number;
  drifted: number;
  /** The most requests that one account had under way at once. */
  mostUnderWay: number;
};

/** A simulated Twilio with accounts full of numbers that point at us. */
export type Fleet = {
  url: string;
  /** Accounts and numbers in the place of those there were. */
  fill: (accounts: number, numbersEach: number, publicBaseUrl: string) => Promise<FleetAccount[]>;
  /** Somebody edits the voice URL of one number in so many. @returns how many numbers that are */
  drift: (oneIn: number) => Promise<number>;
  take: () => Promise<Taken>;
  close: () => void;
};

/** Starts it in a process of its own, so that its work is not done by the one that measures. */
export async function startFleet(): Promise<Fleet> {
  const child = fork("bench/systems/fleet-process.ts");
  const { url } = await firstMessage<{ url: string }>(child);
  const waiting = new Map<number, (result: never) => void>();
  let sent = 0;
  child.on("message", ({ id, result }: { id: number; result: never }) => {
    waiting.get(id)?.(result);
    waiting.delete(id);
  });
  const command =
    <Values extends unknown[], Result>(name: string) =>
    (...values: Values): Promise<Result> => {
      sent += 1;
      const answer = new Promise<Result>((resolve) => waiting.set(sent, resolve));
      child.send({ id: sent, name, values });
      return answer;
    };
  return {
    url,
    fill: command("fill"),
    drift: command("drift"),
    take: command("take"),
    close: () => child.disconnect(),
  };
}
