import { fork } from "node:child_process";
import { json, sendExpecting } from "../measure/client.ts";
import { peerScript } from "./bundles.ts";
import { firstMessage } from "./child.ts";
import { PUBLIC_BASE_URL } from "./deployed.ts";
import { scratch } from "./scratch.ts";
import type { TwilioAccount, TwilioNumber } from "./simulator.ts";

export type Peer = {
  url: string;
  pid: number;
  /** @throws Error where the answer is not 201 */
  importNumber: (account: TwilioAccount, number: TwilioNumber) => Promise<void>;
  close: () => void;
};

/**
 * Starts the Express peer in a process of its own.
 *
 * @param database the name of its database file; one that is there already is opened
 */
export async function startPeer(twilioUrl: string, database = crypto.randomUUID()): Promise<Peer> {
  const child = fork(await peerScript(), {
    env: {
      ...process.env,
      NODE_ENV: "production",
      TWILIO_URL: twilioUrl,
      DATABASE: scratch(database),
      PUBLIC_BASE_URL,
    },
  });
  const { url } = await firstMessage<{ url: string }>(child);
  return {
    url,
    pid: child.pid ?? 0,
    async importNumber(account, { phone_number }) {
      const body = JSON.stringify({ phone_number, twilio_sid: account.sid, twilio_token: account.authToken });
      await sendExpecting(201, { url: `${url}/phone-numbers`, headers: json, body });
    },
    close: () => child.disconnect(),
  };
}
