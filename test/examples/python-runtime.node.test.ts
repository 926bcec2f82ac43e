import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { outcomeBody } from "../../src/call-log/query.ts";

// examples/relay.py as its readers run it. Its package stands in .python, where .ci/run puts it too.

const PYTHON = ".python/bin/python3";
const hasPython = spawnSync("python3", ["--version"]).status === 0;
if (!hasPython) process.stderr.write("examples/relay.py was not run: there is no python3 on this machine.\n");

const CALL_ID = `CA${"1".repeat(32)}`;

/** Runs a program to its end. @throws Error with what it said */
function run(command: string, ...values: string[]): void {
  const { status, stderr } = spawnSync(command, values, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${values.join(" ")}: ${stderr}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

describe.skipIf(!hasPython)("the runtime in Python", () => {
  let api: Server;
  let runtime: ChildProcess;
  let port: number;
  const reported: { path: string | undefined; authorization: string | undefined; body: unknown }[] = [];

  beforeAll(async () => {
    if (!existsSync(PYTHON)) run("python3", "-m", "venv", ".python");
    if (spawnSync(PYTHON, ["-c", "import websockets"]).status !== 0)
      run(PYTHON, "-m", "pip", "install", "--quiet", "websockets==15.0.1");
    api = createServer(async (request, response) => {
      let text = "";
      for await (const piece of request) text += String(piece);
      const { authorization } = request.headers;
      reported.push({ path: request.url, authorization, body: JSON.parse(text) });
      response.end("{}");
    }).listen(0);
    port = await freePort();
    const { port: apiPort } = api.address() as AddressInfo;
    runtime = spawn(PYTHON, ["examples/relay.py"], {
      env: {
        ...process.env,
        PORT: String(port),
        NIXFLEX_URL: `http://127.0.0.1:${apiPort}`,
        NIXFLEX_KEY: "nxf_key:nxfs_secret",
      },
      stdio: "inherit",
    });
  }, 300_000);

  afterAll(() => {
    runtime?.kill();
    api?.close();
  });

  /** A connection, as soon as the runtime listens. */
  function connect(): Promise<WebSocket> {
    return vi.waitFor(
      () =>
        new Promise<WebSocket>((done, fail) => {
          const socket = new WebSocket(`ws://127.0.0.1:${port}/relay`);
          socket.addEventListener("open", () => done(socket));
          socket.addEventListener("error", () => fail(new Error("The runtime does not listen yet.")));
        }),
      { timeout: 60_000, interval: 200 },
    );
  }

  it("answers what is said, and reports what the call was", async () => {
    const socket = await connect();
    const heard: unknown[] = [];
    socket.addEventListener("message", ({ data }) => heard.push(JSON.parse(String(data))));
    const tell = (message: object) => socket.send(JSON.stringify(message));
    tell({ type: "setup", customParameters: { call_id: CALL_ID, from: "+15005550006" } });
    tell({ type: "prompt", voicePrompt: "When are", last: false });
    tell({ type: "prompt", voicePrompt: "When are you open?", last: true });
    tell({ type: "prompt", voicePrompt: "Goodbye.", last: true });
    await vi.waitFor(() => expect(heard).toHaveLength(2), { timeout: 60_000 });
    expect(heard).toEqual([
      { type: "text", token: "You said: When are you open?", last: true },
      { type: "end" },
    ]);
    socket.close();
    await vi.waitFor(() => expect(reported).toHaveLength(1), { timeout: 60_000 });
    expect(reported[0]).toMatchObject({
      path: `/v1/calls/${CALL_ID}/outcome`,
      authorization: "Bearer nxf_key:nxfs_secret",
    });
    expect(outcomeBody.parse(reported[0]?.body)).toMatchObject({
      transcript: [
        { role: "caller", text: "When are you open?" },
        { role: "agent", text: "You said: When are you open?" },
        { role: "caller", text: "Goodbye." },
      ],
      ended_reason: "completed",
      summary: "3 sentences.",
    });
  }, 200_000);
});
