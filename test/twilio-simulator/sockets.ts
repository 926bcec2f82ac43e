import type { OpenSocket, Socket } from "./relay.ts";

/** Opens WebSockets from Node.js. Its `WebSocket` accepts headers. */
export const openFromNode: OpenSocket = async (url, headers) => {
  const socket = new WebSocket(url, { headers } as unknown as string[]);
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener("open", () => resolve());
    socket.addEventListener("error", () => reject(new Error("the WebSocket did not open")));
  });
  return socket as unknown as Socket;
};

/** Opens WebSockets from a Worker, with an upgrade request. */
export const openFromWorker =
  (fetch: (request: Request) => Promise<Response>): OpenSocket =>
  async (url, headers) => {
    const address = url.replace(/^ws/, "http");
    const response = await fetch(new Request(address, { headers: { ...headers, upgrade: "websocket" } }));
    const socket = (response as Response & { webSocket?: (Socket & { accept: () => void }) | null })
      .webSocket;
    if (response.status !== 101 || !socket) throw new Error("the WebSocket did not open");
    socket.accept();
    return socket;
  };

/**
 * A runtime in this process that repeats what it hears, and ends the call at "Goodbye." For tests that need any runtime.
 */
export const openEcho: OpenSocket = async () => {
  const listeners: ((event: { data: unknown }) => void)[] = [];
  const say = (frame: object) =>
    queueMicrotask(() => {
      for (const listener of listeners) listener({ data: JSON.stringify(frame) });
    });
  return {
    close: () => undefined,
    addEventListener: (type: string, listener: (event: never) => void) => {
      if (type === "message") listeners.push(listener as (event: { data: unknown }) => void);
    },
    send(data) {
      const { type, voicePrompt } = JSON.parse(data) as { type: string; voicePrompt?: string };
      if (type !== "prompt") return;
      if (/goodbye/i.test(voicePrompt ?? "")) return say({ type: "end" });
      say({ type: "text", token: "You said: ", last: false });
      say({ type: "text", token: voicePrompt, last: true });
    },
  };
};
