import type { AddressInfo } from "node:net";
import { type HttpBindings, serve } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Hono } from "hono";
import { createControl } from "./control.ts";
import { ConnectionReset } from "./faults.ts";
import { answerChat } from "./model.ts";
import type { Region } from "./regions.ts";
import type { Simulator } from "./simulator.ts";

export type SimulatorServer = { url: string; close: () => Promise<void> };

/**
 * Serves one Region of a simulator over HTTP, with its control endpoints under /_simulator.
 *
 * @param port 0 for any free port
 */
export async function serveSimulator(
  simulator: Simulator,
  port = 0,
  region: Region = "us1",
): Promise<SimulatorServer> {
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.route("/_simulator", createControl(simulator));
  app.post("/v1/chat/completions", (c) => answerChat(c.req.raw));
  app.all("*", async (c) => {
    try {
      return await simulator.fetch(c.req.raw, region);
    } catch (error) {
      if (!(error instanceof ConnectionReset)) throw error;
      c.env.incoming.socket.destroy();
      return RESPONSE_ALREADY_SENT;
    }
  });

  const server = serve({ fetch: app.fetch, port, hostname: "127.0.0.1" });
  await new Promise<void>((resolve, reject) => {
    server.once("listening", resolve);
    server.once("error", reject);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        if ("closeAllConnections" in server) server.closeAllConnections();
      }),
  };
}
