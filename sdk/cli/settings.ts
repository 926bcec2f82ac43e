import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { usage } from "./failures.ts";

export type Settings = { base_url: string; api_key: string };

type Environment = Record<string, string | undefined>;

/** Where this operating system keeps the settings of programs. On Linux: XDG Base Directory Specification. */
export function settingsPath(env: Environment = process.env, platform: string = process.platform): string {
  return join(settingsFolder(env, platform), "nixflex-numbers", "config.json");
}

function settingsFolder(env: Environment, platform: string): string {
  if (platform === "win32") return env.APPDATA ?? join(homedir(), "AppData", "Roaming");
  if (platform === "darwin") return join(homedir(), "Library", "Application Support");
  // The specification has a relative path ignored.
  const { XDG_CONFIG_HOME: folder = "" } = env;
  return isAbsolute(folder) ? folder : join(homedir(), ".config");
}

/** What `login` has kept; undefined if there is nothing. */
export function readSettings(): Settings | undefined {
  const path = settingsPath();
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const { base_url, api_key } = JSON.parse(text);
    if (typeof base_url === "string" && typeof api_key === "string") return { base_url, api_key };
  } catch {
    // Not JSON: as bad as JSON of another kind.
  }
  throw usage(`${path} cannot be understood. Run \`nixflex-numbers login\` to write it anew.`);
}

/** Only the user can read the file, from its first byte on; a crash leaves the old one. */
export function writeSettings(settings: Settings): string {
  const path = settingsPath();
  const draft = `${path}.${process.pid}`;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  rmSync(draft, { force: true });
  writeFileSync(draft, `${JSON.stringify(settings, null, 2)}\n`, { mode: 0o600, flag: "wx" });
  renameSync(draft, path);
  return path;
}

export function deleteSettings(): void {
  rmSync(settingsPath(), { force: true });
}
