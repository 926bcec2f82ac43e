import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { vi } from "vitest";
import { readConfig } from "../../src/config.ts";
import { RelaySocket } from "../../src/conversations/socket.ts";
import type { State } from "../../src/conversations/state.ts";
import { createObjects } from "../../src/objects.ts";
import { sign } from "../../src/twilio/signature.ts";
import { type Imported, webhookUrl } from "./answering.ts";
import { send } from "./worker.ts";

/** The object of a call. */
export const objectOf = ({ id }: Pick<Imported, "id">, callSid: string) =>
  createObjects(env, readConfig(env)).conversation(id, callSid);

/** What the object of a call knows of it. Asking takes nothing from a session. */
export const knownOf = async (imported: Pick<Imported, "id">, callSid: string): Promise<State | null> =>
  runInDurableObject(await objectOf(imported, callSid), (object) =>
    (object as unknown as { load: () => Promise<State | null> }).load(),
  );

/** The object is restarted: its WebSockets are closed, and what it had in memory is gone. */
export const restartObject = async (imported: Pick<Imported, "id">, callSid: string) =>
  runInDurableObject(await objectOf(imported, callSid), (_, state) => state.abort("restarted")).catch(
    () => undefined,
  );

// What Twilio has sent, and no session has read yet.
const unread: string[] = [];
const { read } = RelaySocket.prototype;
RelaySocket.prototype.read = function (data) {
  const place = unread.indexOf(String(data));
  if (place >= 0) unread.splice(place, 1);
  return read.call(this, data);
};

// RFC 6455, 7.4.1: these stand for a close that nobody sent.
const isSent = (code: number) => code !== 1005 && code !== 1006;

const opened = new Set<WebSocket>();

/** Nobody is in a call any more. */
export function closeSessions(): void {
  for (const socket of opened) socket.close(1000);
  opened.clear();
  unread.length = 0;
}

/**
 * Objects as a Worker has them until it is killed: then all that joins the two is gone, and it reaches none of them.
 */
function mortal() {
  const links: WebSocket[] = [];
  const ends: WebSocket[] = [];
  let isDead = false;
  const fetchOf = (stub: DurableObjectStub) => async (url: string, init: RequestInit) => {
    if (isDead) throw new Error("Network connection lost.");
    const { status, webSocket: object, headers } = await stub.fetch(url, init);
    if (!object) return new Response(null, { status });
    const { 0: theirs, 1: ours } = new WebSocketPair();
    const pipe = (from: WebSocket, to: WebSocket) => {
      from.accept();
      from.addEventListener("message", ({ data }) => !isDead && to.send(data));
      from.addEventListener("close", ({ code }) => !isDead && to.close(isSent(code) ? code : 1011));
    };
    pipe(object, ours);
    pipe(ours, object);
    links.push(object);
    ends.push(ours);
    return new Response(null, { status, webSocket: theirs, headers });
  };
  const getByName = (...name: Parameters<Env["CONVERSATIONS"]["getByName"]>) => {
    const stub = env.CONVERSATIONS.getByName(...name);
    return new Proxy(stub, {
      get: (target, method) => (method === "fetch" ? fetchOf(target) : Reflect.get(target, method)),
    });
  };
  /** Neither hears of the other any more, nor that it is so. */
  const freeze = () => {
    isDead = true;
  };
  const kill = () => {
    freeze();
    for (const link of links) link.close(1011);
  };
  /** The object is gone, and cannot be reached. */
  const part = () => {
    kill();
    for (const end of ends) end.close(1011);
  };
  return { freeze, kill, part, namespace: { getByName } as unknown as Env["CONVERSATIONS"] };
}

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
  const { freeze, kill, part, namespace } = mortal();
  const response = await send(new Request(url, { headers }), { CONVERSATIONS: namespace, ...overrides });
  const socket = response.webSocket;
  const received: Record<string, unknown>[] = [];
  const closed = Promise.withResolvers<number>();
  socket?.addEventListener("message", ({ data }) => {
    received.push(JSON.parse(String(data)));
  });
  socket?.addEventListener("close", ({ code }) => closed.resolve(code));
  socket?.accept();
  if (socket) opened.add(socket);
  const isOpen = () => socket?.readyState === WebSocket.READY_STATE_OPEN;
  const sent: string[] = [];
  const say = (frame: unknown) => {
    if (!isOpen()) return;
    const data = typeof frame === "string" ? frame : JSON.stringify(frame);
    sent.push(data);
    unread.push(data);
    socket?.send(data);
  };
  const settle = async () => {
    await vi.waitFor(() => {
      if (isOpen() && sent.some((data) => unread.includes(data))) throw new Error("not yet");
    }, 20_000);
    // What follows from it has had the time of a round trip.
    await knownOf({ id }, callSid);
  };
  return {
    response,
    received,
    closed: closed.promise,
    setup: { type: "setup", callSid, accountSid: account.sid, from: "+15005550006" },
    say,
    /** Everything that was said has been taken in. */
    settle,
    /** The clock is looked at. Twilio adds types of messages without notice, which mean nothing. */
    look: async () => {
      await settle();
      say({ type: "info", name: "unknown" });
      await settle();
    },
    close: () => socket?.close(1000),
    freeze,
    part,
    /** The Worker that has the session is gone. */
    kill: () => {
      kill();
      socket?.close(1011);
    },
  };
}

export type CallSession = Awaited<ReturnType<typeof openSession>>;
