import { fork } from "node:child_process";
import { once } from "node:events";
import type { Commands } from "./twilio-process.ts";

export type TwilioAccount = ReturnType<Commands["addAccount"]>;
export type TwilioNumber = ReturnType<Commands["addNumbers"]>[number];

type Does<All> = {
  [Name in keyof All]: All[Name] extends (...values: infer Values) => infer Result
    ? (...values: Values) => Promise<Result>
    : never;
};

/** The simulated Twilio of the tests, in a process of its own, where each command is done. */
export type Twilio = Does<Commands> & { url: string; close: () => void };

export const startTwilio = () => startHelper<Commands>("bench/systems/twilio-process.ts");

/** A server in a process of its own, and what it can be told to do. */
export async function startHelper<All>(
  path: string,
): Promise<Does<All> & { url: string; close: () => void }> {
  const child = fork(path);
  const ended = once(child, "exit").then(() => Promise.reject(new Error(`${path} ended`)));
  ended.catch(() => {}); // After its first message it may end.
  const [{ url, names }] = await Promise.race([once(child, "message"), ended]);
  const waiting = new Map<number, (result: unknown) => void>();
  let sent = 0;
  child.on("message", ({ id, result }: { id: number; result: unknown }) => {
    waiting.get(id)?.(result);
    waiting.delete(id);
  });
  const command =
    (name: string) =>
    (...values: unknown[]) => {
      sent += 1;
      const id = sent;
      child.send({ id, name, values });
      return new Promise((resolve) => waiting.set(id, resolve));
    };
  const commands = Object.fromEntries(names.map((name: string) => [name, command(name)]));
  return { ...(commands as Does<All>), url, close: () => child.disconnect() };
}

/** The Authorization header of an account (RFC 7617). */
export function basic({ sid, authToken }: TwilioAccount): string {
  return `Basic ${Buffer.from(`${sid}:${authToken}`).toString("base64")}`;
}
