import { existsSync, writeFileSync } from "node:fs";
import { buildDocumentation } from "./documentation/build.ts";
import { freshSecrets } from "./fresh-secrets.ts";
import { becomeWrangler, optionOf, wrangler } from "./wrangler.ts";

// npm run dev: runs the Worker on this machine, with a local D1. Arguments after -- go to `wrangler dev`.

const DEFAULT_PORT = "8787";
const DEV_VARS = ".dev.vars";

const args = process.argv.slice(2);

if (!existsSync(DEV_VARS)) {
  const lines = Object.entries(freshSecrets()).map(([name, value]) => `${name}="${value}"`);
  writeFileSync(DEV_VARS, `# Secrets for local development, made by npm run dev.\n${lines.join("\n")}\n`, {
    mode: 0o600,
  });
  console.error(`Wrote ${DEV_VARS} with new secrets.`);
}

buildDocumentation();
const persistTo = optionOf(args, "--persist-to");
wrangler(["d1", "migrations", "apply", "DB", "--local", ...(persistTo ? ["--persist-to", persistTo] : [])]);

// Twilio (or the simulator) calls this port, unless an argument sets another address, such as a tunnel's.
const port = optionOf(args, "--port") ?? DEFAULT_PORT;
const saysBaseUrl = args.some((argument) => argument.includes("PUBLIC_BASE_URL:"));
// Beside the simulator there is its model; without a model agents do not talk.
const twilio = /^TWILIO_API_BASE_URL:(http:\/\/(?:127\.0\.0\.1|localhost)[:\d]*)\/?$/;
const simulator = args.map((argument) => twilio.exec(argument)?.[1]).find(Boolean);
const saysModel = args.some((argument) => argument.includes("MODEL_BASE_URL:"));
const defaults = [
  ...(simulator && !saysModel ? ["--var", `MODEL_BASE_URL:${simulator}/v1`, "--var", "MODEL:scripted"] : []),
  ...(optionOf(args, "--port") === undefined ? ["--port", port] : []),
  ...(saysBaseUrl ? [] : ["--var", `PUBLIC_BASE_URL:http://localhost:${port}`]),
];
becomeWrangler(["dev", ...defaults, ...args]);
