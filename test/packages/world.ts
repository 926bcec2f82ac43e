import { execFile, spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { promisify } from "node:util";
import { createClient } from "@nixflex/numbers";
import { expect, vi } from "vitest";
import { startTwilio } from "../../scripts/demo/twilio.ts";
import { startWorker } from "../../scripts/demo/worker.ts";
import { temporaryFolder } from "../command-line/temporary-folder.ts";

// Somebody who installs a package and does what its pages say, against the Worker and a simulated Twilio.

/** The blocks of code of a page, in one language. */
export function blocks(page: string, language: string): string[] {
  const found = readFileSync(page, "utf8").matchAll(
    new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"),
  );
  return [...found].map(([, code = ""]) => code);
}

const HOME = temporaryFolder();

/** Nothing of what npm tells the scripts that it runs. */
const environment = (more: object): NodeJS.ProcessEnv => ({ HOME, PATH: process.env.PATH, ...more });

/** Runs a program to its end, and gives what it printed. Meanwhile Twilio, in this process, answers. @throws Error */
export async function run(
  folder: string,
  command: string,
  values: readonly string[],
  more: object = {},
): Promise<string> {
  try {
    return (await promisify(execFile)(command, values, { cwd: folder, env: environment(more) })).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${command} ${values.join(" ")} failed:\n${stdout}${stderr}`);
  }
}

export async function startWorld() {
  const twilio = await startTwilio(() => worker.url);
  const worker = await startWorker(twilio.url, twilio.regionUrls);
  const account = twilio.addAccount();
  const admin = createClient({ baseUrl: worker.url, token: worker.adminToken });
  const { key_id, key_secret } = await admin.createKey({ body: { name: "packages" } });
  const key = `${key_id}:${key_secret}`;
  const nixflex = createClient({ baseUrl: worker.url, token: key });
  const { agent_id } = await nixflex.createAgent({ body: { name: "Receptionist" } });
  let numbers = 0;

  return {
    url: worker.url,
    key,
    /** What a reader puts in place of a page's examples, and a number that can be imported. */
    asReader(code: string): { number: string; code: string } {
      const number = `+1500555${1_000 + numbers++}`;
      twilio.addNumber(account, { phone_number: number });
      const own = {
        "https://numbers.example.com": worker.url,
        "KEY_ID:KEY_SECRET": key,
        "+447446466847": number,
        ACxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: account.sid,
        "the Auth Token of that account": account.authToken,
        agent_125207e452f8714a: agent_id,
      };
      return {
        number,
        code: Object.entries(own).reduce((code, [theirs, mine]) => code.replaceAll(theirs, mine), code),
      };
    },
    /** Starts a page's receiver, and sends it an event of the Worker's and a forged one. */
    async tryReceiver(folder: string, command: string, values: string[], more: object = {}): Promise<void> {
      const port = await freePort();
      const { webhook_secret } = await nixflex.rotateWebhookSecret();
      const receiver = spawn(command, values, {
        cwd: folder,
        env: environment({ ...more, PORT: String(port), WEBHOOK_SECRET: webhook_secret }),
        stdio: ["ignore", "pipe", "inherit"],
      });
      try {
        let printed = "";
        receiver.stdout.on("data", (piece) => {
          printed += piece;
        });
        const url = `http://127.0.0.1:${port}/events`;
        const time = String(Math.floor(Date.now() / 1_000));
        const mac = createHmac("sha256", "another secret").update(`evt_1.${time}.{}`).digest("base64");
        const signed = { "webhook-id": "evt_1", "webhook-timestamp": time, "webhook-signature": `v1,${mac}` };
        const forged = () => fetch(url, { method: "POST", headers: signed, body: "{}" });
        const answer = await vi.waitFor(forged, { timeout: 60_000, interval: 100 });
        expect(answer.status).toBe(401);
        const agent = await nixflex.createAgent({ body: { name: "Events", webhook_url: url } });
        const { delivery } = await nixflex.testWebhook({ body: { agent_id: agent.agent_id } });
        await vi.waitFor(() => expect(printed).toBe(`webhook.test ${delivery.id}\n`), {
          timeout: 60_000,
        });
      } finally {
        receiver.kill();
      }
    },
    async close() {
      await worker.close();
      await twilio.close();
    },
  };
}

export type World = Awaited<ReturnType<typeof startWorld>>;

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === "object" && address ? address.port : 0;
}
