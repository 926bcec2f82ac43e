import { spawn } from "node:child_process";
import { Option } from "commander";
import type { Act, Given } from "../act.ts";
import { askText, readSecret } from "../ask.ts";
import { connect, deploymentOf, normalUrl } from "../connection.ts";
import { usage } from "../failures.ts";
import { fields, note } from "../output.ts";
import { deleteSettings, settingsPath, writeSettings } from "../settings.ts";

const PROMPT_URL = "https://numbers.example.com";

export const signIn: readonly Act[] = [
  {
    name: "login",
    does: "try an API key and keep it, readable by you alone",
    takes: [new Option("--key-stdin", "read the key from standard input; else NIXFLEX_API_KEY, or a prompt")],
    examples: [
      "nixflex-numbers login --url https://numbers.example.com",
      "pass show nixflex | nixflex-numbers login --url https://numbers.example.com --key-stdin",
    ],
    run: login,
  },
  {
    name: "logout",
    does: "forget the key",
    run() {
      const path = settingsPath();
      deleteSettings();
      const text = `${path} is gone. The key itself works until it is rotated.`;
      return { answer: { path, deleted: true }, text };
    },
  },
  {
    name: "whoami",
    does: "say with which secret of which API key you are signed in, and what it may",
    async run({ nixflex }) {
      const who = await nixflex.getSession();
      return { answer: who, text: fields(who) };
    },
  },
  {
    name: "open",
    does: "open the console in a browser, and print its URL",
    takes: [new Option("--print", "only print the URL")],
    run({ options }: Given<{ print?: true }>) {
      const url = `${deploymentOf(options.url)}/console`;
      if (process.stdout.isTTY && !options.print) openBrowser(url);
      return { answer: { url }, text: url };
    },
  },
];

async function login({ options }: Given<{ keyStdin?: true }>) {
  const chosen =
    options.url ?? process.env.NIXFLEX_BASE_URL ?? (await askText("URL of the deployment", PROMPT_URL));
  if (!chosen) throw usage("The deployment's URL is missing. Use --url, or set NIXFLEX_BASE_URL.");
  const base_url = normalUrl(chosen);
  const api_key = await readSecret({
    name: "API key (KEY_ID:KEY_SECRET)",
    variable: "NIXFLEX_API_KEY",
    option: "--key-stdin",
    isStdin: options.keyStdin,
  });
  await connect(base_url, api_key).nixflex.listAgents({ query: { limit: 1 } });
  const path = writeSettings({ base_url, api_key });
  const [key_id] = api_key.split(":");
  const text = `${key_id} is signed in at ${base_url}. The key is in ${path}.`;
  return { answer: { base_url, key_id, path }, text };
}

/** Takes the URL as one argument, without a shell. */
const OPENERS: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  darwin: ["open"],
  win32: ["rundll32", "url.dll,FileProtocolHandler"],
};

function openBrowser(url: string): void {
  const [program = "", ...args] = OPENERS[process.platform] ?? ["xdg-open"];
  spawn(program, [...args, url], { detached: true, stdio: "ignore" })
    .on("error", () => note("No browser could be opened here. Open the URL yourself."))
    .unref();
}
