import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterEach, expect, it } from "vitest";

// npm run dev -- --simulated, as a newcomer runs it: by what it prints, until Ctrl-C.

const TIMEOUT_MS = 240_000;

let child: ChildProcess | undefined;
let directory = "";
const occupied: Server[] = [];

afterEach(() => {
  for (const server of occupied) server.close();
  if (isGroupAlive()) process.kill(-(child?.pid ?? 0), "SIGKILL");
  rmSync(directory, { recursive: true, force: true });
});

/** Somebody else has the port, by us or already. */
async function occupy(port: number): Promise<void> {
  const server = createServer();
  occupied.push(server);
  await new Promise<void>((resolve) => {
    server.once("error", () => resolve());
    server.listen(port, "127.0.0.1", () => resolve());
  });
}

/** A group of its own, so that a signal reaches all of it, as Ctrl-C in a terminal does. */
function start(): Promise<string> {
  directory = mkdtempSync(join(tmpdir(), "dev-test-"));
  const env = { ...process.env, TMPDIR: directory };
  const stdio = ["ignore", "pipe", "pipe"] as const;
  const started = spawn("npm", ["run", "dev", "--", "--simulated"], {
    detached: true,
    env,
    stdio: [...stdio],
  });
  child = started;
  let output = "";
  return new Promise((resolve, reject) => {
    for (const stream of [started.stdout, started.stderr]) {
      stream.on("data", (chunk) => {
        output += chunk;
        if (/^Ready[\s\S]*^Look:.*\n/m.test(output)) resolve(output);
      });
    }
    started.once("exit", (code) => reject(new Error(`It ended with ${code}:\n${output}`)));
  });
}

function isGroupAlive(): boolean {
  try {
    return child?.pid !== undefined && process.kill(-child.pid, 0);
  } catch {
    return false;
  }
}

it(
  "brings all that a first call needs though its ports are in use, and leaves nothing behind",
  async () => {
    await Promise.all([occupy(8787), occupy(4010)]);
    const output = await start();
    const printed = (name: string) => new RegExp(`^ *${name} +(\\S+?),?(?: |$)`, "m").exec(output)?.[1] ?? "";
    const [key, number, api] = [printed("key"), printed("number"), printed("API")];
    const headers = { authorization: `Bearer ${key}` };
    for (const address of [api, printed("Twilio")]) expect(address).not.toMatch(/:(?:8787|4010)\b/);
    expect(key).toMatch(/^nxf_[0-9a-f]{32}:nxfs_[0-9a-f]{64}$/);
    const list = await (await fetch(`${api}/phone-numbers`, { headers })).json();
    expect(list).toMatchObject({ count: 1, phone_numbers: [{ phone_number: number }] });
    // A file comes without the Worker, if it needs neither the Worker's address, an id nor https.
    const root = new URL(printed("docs")).origin;
    for (const [path, status, isWorkers] of [
      ["/docs", 200, true],
      ["/console", 200, true],
      ["/openapi.json", 200, false],
      ["/", 200, true],
      ["/docs/quickstart", 200, true],
      ["/docs/errors/not_found", 200, true],
      ["/assets/nothing.js", 404, true],
    ] as const) {
      const response = await fetch(`${root}${path}`);
      expect([path, response.status, response.headers.has("x-request-id")]).toEqual([
        path,
        status,
        isWorkers,
      ]);
      if (status === 200)
        expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
    }

    const [, url = "", body = ""] = /^Ring: +curl (\S+) .*-d '(.+)'$/m.exec(output) ?? [];
    const ring = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
    const said = (await ring.json()) as object;
    expect(Object.keys(said)).toEqual(["answeredBy", "answer", "conversation"]);
    expect(JSON.stringify(said)).toContain("from nine to five");

    // What it prints to copy does what it says: a number that nobody has imported yet, off its SIP trunk.
    const copied = async (name: string) => {
      const line = new RegExp(`^${name}: +(curl .*)$`, "m").exec(output)?.[1] ?? "";
      return JSON.parse((await promisify(execFile)("sh", ["-c", `${line} -s`])).stdout);
    };
    const texted = await copied("Text");
    expect(Object.keys(texted)).toEqual(["answeredBy", "twiml"]);

    const plan = await copied("Plan");
    expect(plan).toMatchObject({ dry_run: true });
    expect(JSON.stringify(plan.warnings)).toContain("bound_to_trunk");
    expect(await copied("Import")).toMatchObject({ phone_number: { phone_number: "+15005550002" } });
    expect(await copied("Look")).toMatchObject({ count: 2 });

    // An end customer's page, and the operator's door, which is closed to others.
    const [page = "", token = ""] = (await copied("Connect")).url.split("#");
    expect(page).toBe(`${root}/connect`);
    expect((await fetch(page)).status).toBe(200);
    const asCustomer = { authorization: `Bearer ${token}` };
    const link = await (await fetch(`${api}/connect`, { headers: asCustomer })).json();
    expect(link).toMatchObject({ brand_name: "Acme", credentials: ["api_key", "auth_token"] });
    expect((await fetch(`${api}/keys`, { method: "POST" })).status).toBe(401);
    const asAdmin = { authorization: `Bearer ${printed("admin")}` };
    expect((await fetch(`${api}/keys`, { headers: asAdmin })).status).toBe(200);

    const client = new Client({ name: "tests", version: "1.0.0" });
    await client.connect(
      new StreamableHTTPClientTransport(new URL(printed("MCP")), { requestInit: { headers } }),
    );
    const found = await client.callTool({ name: "get_phone_number", arguments: { number } });
    expect(found.structuredContent).toMatchObject({ phone_number: { phone_number: number } });
    await client.close();

    process.kill(-(child?.pid ?? 0), "SIGINT");
    await expect.poll(isGroupAlive, { timeout: 30_000 }).toBe(false);
    for (const address of [api, printed("Twilio")]) await expect(fetch(address)).rejects.toThrow();
    expect(readdirSync(directory).filter((name) => name.startsWith("nixflex-numbers-"))).toEqual([]);
  },
  TIMEOUT_MS,
);
