import { env } from "cloudflare:workers";
import { readConfig } from "../../src/config.ts";
import { createObjects } from "../../src/objects.ts";
import { sign } from "../../src/twilio/signature.ts";
import { type Imported, webhookUrl } from "./answering.ts";
import { send } from "./worker.ts";

/** The object of a call. */
export const objectOf = ({ id }: Pick<Imported, "id">, callSid: string) =>
  createObjects(env, readConfig(env)).conversation(id, callSid);

/** Opens the WebSocket of a call as Twilio would. */
export async function openSession(
  { id, account }: Imported,
  callSid: string,
  {
    token = account.authToken,
    slash = "",
    url = webhookUrl(id, `relay/${callSid}`),
    env: overrides = {} as Partial<Env>,
  } = {},
) {
  const signature = await sign(token, url.replace(/^https/, "wss") + slash, new URLSearchParams());
  const headers = { "x-twilio-signature": signature, upgrade: "websocket" };
  const response = await send(new Request(url, { headers }), overrides);
  const socket = response.webSocket;
  const received: Record<string, unknown>[] = [];
  const closed = Promise.withResolvers<number>();
  socket?.addEventListener("message", ({ data }) => {
    received.push(JSON.parse(String(data)));
  });
  socket?.addEventListener("close", ({ code }) => closed.resolve(code));
  socket?.accept();
  return {
    response,
    received,
    closed: closed.promise,
    setup: { type: "setup", callSid, accountSid: account.sid, from: "+15005550006" },
    say: (frame: unknown) => {
      const isOpen = socket?.readyState === WebSocket.READY_STATE_OPEN;
      if (isOpen) socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
    },
    close: () => socket?.close(1000),
  };
}

export type CallSession = Awaited<ReturnType<typeof openSession>>;
