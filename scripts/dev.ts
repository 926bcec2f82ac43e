import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildDocumentation } from "./documentation/build.ts";
import { freshSecrets } from "./fresh-secrets.ts";
import { makeReady } from "./local/ready.ts";
import { startLocalTwilio, DEFAULT_PORT as TWILIO_PORT } from "./local/twilio.ts";
import { takeTarget } from "./target.ts";
import { becomeWrangler, fail, optionOf, wranglerQuietly } from "./wrangler.ts";

// npm run dev: runs the Worker on this machine, with a local D1. Arguments after -- go to `wrangler dev`.
// With --simulated: also a simulated Twilio with its model, an API key, an agent and an imported number. Ctrl-C stops
// all of it, and nothing is kept.

const DEFAULT_PORT = 8787;
const DEV_VARS = ".dev.vars";
const SIMULATED = "--simulated";

console.error("Preparing pages, database and Worker: about half a minute.");
buildDocumentation();
const { target, rest: given } = takeTarget(process.argv.slice(2));
if (given.includes(SIMULATED)) {
  await runSimulated(given.filter((argument) => argument !== SIMULATED));
} else {
  keepSecrets();
  run(given);
}

function keepSecrets(): void {
  if (existsSync(DEV_VARS)) return;
  const lines = Object.entries(freshSecrets()).map(([name, value]) => `${name}="${value}"`);
  const content = `# Secrets for local development, made by npm run dev.\n${lines.join("\n")}\n`;
  writeFileSync(DEV_VARS, content, { mode: 0o600 });
  console.error(`Wrote ${DEV_VARS} with new secrets.`);
}

function run(args: string[]): void {
  const persistTo = optionOf(args, "--persist-to");
  const migrate = ["d1", "migrations", "apply", "DB", "--local", ...target.flags];
  // Wrangler's table for each migration would hide what a newcomer looks for.
  const { succeeded, output } = wranglerQuietly([
    ...migrate,
    ...(persistTo ? ["--persist-to", persistTo] : []),
  ]);
  if (!succeeded) throw new Error(`The local database could not be prepared:\n${output}`);

  // Twilio (or the simulator) calls this port, unless an argument sets another address, such as a tunnel's.
  const port = optionOf(args, "--port") ?? String(DEFAULT_PORT);
  const saysBaseUrl = args.some((argument) => argument.includes("PUBLIC_BASE_URL:"));
  // Beside the simulator there is its model; without a model agents do not talk.
  const twilio = /^TWILIO_API_BASE_URL:(http:\/\/(?:127\.0\.0\.1|localhost)[:\d]*)\/?$/;
  const simulator = args.map((argument) => twilio.exec(argument)?.[1]).find(Boolean);
  const saysModel = args.some((argument) => argument.includes("MODEL_BASE_URL:"));
  const defaults = [
    ...(simulator && !saysModel
      ? ["--var", `MODEL_BASE_URL:${simulator}/v1`, "--var", "MODEL:scripted"]
      : []),
    ...(optionOf(args, "--port") === undefined ? ["--port", port] : []),
    ...(saysBaseUrl ? [] : ["--var", `PUBLIC_BASE_URL:http://localhost:${port}`]),
  ];
  becomeWrangler(["dev", ...target.flags, ...defaults, ...args]);
}

/** The simulator forgets everything when it ends, so the database is a temporary one. */
async function runSimulated(args: string[]): Promise<void> {
  const twilio = await startLocalTwilio(TWILIO_PORT, false);
  const port = optionOf(args, "--port") ?? String(await freePort(DEFAULT_PORT));
  const persistTo = mkdtempSync(join(tmpdir(), "nixflex-numbers-"));
  process.on("exit", () => rmSync(persistTo, { recursive: true, force: true }));
  const secrets = freshSecrets();
  Object.assign(process.env, secrets);
  // Wrangler takes them from there, and with a file of variables, here an empty one, does not look for .dev.vars.
  const noVars = join(persistTo, "vars");
  writeFileSync(noVars, "");
  const vars = [
    `TWILIO_API_BASE_URL:${twilio.url}`,
    `TWILIO_REGION_BASE_URLS:ie1=${twilio.ie1.url}`,
    "CONNECT_LINKS:true",
    "ALLOW_API_KEYS:true",
    "ALLOW_LOCAL_WEBHOOKS:true",
  ];
  run([
    ...["--port", port, "--persist-to", persistTo, "--env-file", noVars],
    "--show-interactive-dev-session=false",
    // Wrangler prints its table of bindings three times, and a line for each request, around what is to be read.
    ...(optionOf(args, "--log-level") === undefined ? ["--log-level", "warn"] : []),
    ...vars.flatMap((value) => ["--var", value]),
    ...args.filter((argument, index) => !argument.startsWith("--port") && args[index - 1] !== "--port"),
  ]);
  try {
    await makeReady(`http://localhost:${port}`, secrets.ADMIN_TOKEN, twilio);
  } catch (error) {
    fail(error);
    process.kill(process.pid, "SIGTERM");
  }
}

/** The port, or if it is in use, any free one. */
function freePort(wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", () => (wanted === 0 ? reject(new Error("No port is free.")) : resolve(freePort(0))));
    server.listen(wanted, "localhost", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : wanted));
    });
  });
}
