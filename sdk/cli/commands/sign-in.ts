import { spawn } from "node:child_process";
import type { Command } from "commander";
import { askText, readSecret } from "../ask.ts";
import { connect, normalUrl } from "../connection.ts";
import { usage } from "../failures.ts";
import { examples, type Globals, opened } from "../options.ts";
import { note, print } from "../output.ts";
import { deleteSettings, readSettings, settingsPath, writeSettings } from "../settings.ts";

const PROMPT_URL = "https://numbers.example.com";

export function addSignIn(program: Command): void {
  program
    .command("login")
    .description("try an API key and keep it, readable by you alone")
    .option("--key-stdin", "read the key from standard input; else NIXFLEX_API_KEY, or a prompt")
    .addHelpText(
      "after",
      examples(
        "nixflex-numbers login --url https://numbers.example.com",
        "pass show nixflex | nixflex-numbers login --url https://numbers.example.com --key-stdin",
      ),
    )
    .action(async (_: unknown, command: Command) => {
      const { url, keyStdin, json } = command.optsWithGlobals<Globals & { keyStdin?: true }>();
      const chosen =
        url ?? process.env.NIXFLEX_BASE_URL ?? (await askText("URL of the deployment", PROMPT_URL));
      if (!chosen) throw usage("The deployment's URL is missing. Use --url, or set NIXFLEX_BASE_URL.");
      const base_url = normalUrl(chosen);
      const api_key = await readSecret({
        name: "API key (KEY_ID:KEY_SECRET)",
        variable: "NIXFLEX_API_KEY",
        option: "--key-stdin",
        isStdin: keyStdin,
      });
      await connect(base_url, api_key).nixflex.listAgents({ query: { limit: 1 } });
      const path = writeSettings({ base_url, api_key });
      const [key_id] = api_key.split(":");
      print(
        json,
        { base_url, key_id, path },
        () => `${key_id} is signed in at ${base_url}. The key is in ${path}.`,
      );
    });

  program
    .command("logout")
    .description("forget the key")
    .action((_: unknown, command: Command) => {
      const { json } = command.optsWithGlobals<Globals>();
      const path = settingsPath();
      deleteSettings();
      print(
        json,
        { path, deleted: true },
        () => `${path} is gone. The key itself works until it is rotated.`,
      );
    });

  program
    .command("open")
    .description("open the console in a browser, and print its URL")
    .option("--print", "only print the URL")
    .action((_: unknown, command: Command) => {
      const options = command.optsWithGlobals<Globals & { print?: true }>();
      const base = options.url ?? process.env.NIXFLEX_BASE_URL ?? readSettings()?.base_url;
      if (base === undefined) opened(command);
      const url = `${normalUrl(base ?? "")}/console`;
      print(options.json, { url }, () => url);
      if (process.stdout.isTTY && !options.print) openBrowser(url);
    });
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
