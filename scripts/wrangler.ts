import { spawn, spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

// Nothing here reads where a request came from, so wrangler need not ask Cloudflare for an example of it.
process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
// `send_metrics` in wrangler.toml does not cover every command; this does.
process.env.WRANGLER_SEND_METRICS = "false";

const require = createRequire(import.meta.url);
const bin = join(dirname(require.resolve("wrangler/package.json")), "bin/wrangler.js");

/**
 * Runs wrangler to its end. What it prints goes to our standard error, so that a script's own output stays clean.
 * Local commands are asked nothing; remote ones may ask the person at the terminal to log in or to confirm.
 *
 * @throws Error where it fails
 */
export function wrangler(args: string[]): void {
  const stdin = args.includes("--remote") ? "inherit" : "ignore";
  const { status } = spawnSync(process.execPath, [bin, ...args], { stdio: [stdin, 2, 2] });
  if (status !== 0) throw new Error(`wrangler ${args.slice(0, 3).join(" ")} failed; what it said is above.`);
}

/** Runs wrangler to its end and shows nothing of what it prints. */
export function wranglerQuietly(args: string[]): { succeeded: boolean; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
  });
  return { succeeded: status === 0, output: `${stdout}${stderr}`.trim() };
}

/** Runs wrangler to its end and reads what it prints as JSON. @throws Error where it fails */
export function wranglerJson(args: string[]): unknown {
  const { status, stdout } = spawnSync(process.execPath, [bin, ...args], { stdio: ["inherit", "pipe", 2] });
  if (status !== 0) {
    // With --json wrangler says on its standard output what went wrong.
    process.stderr.write(stdout ?? "");
    throw new Error(`wrangler ${args.slice(0, 3).join(" ")} failed; what it said is above.`);
  }
  return JSON.parse(String(stdout));
}

/** Runs wrangler in the foreground, as if it had been called itself, and ends this process as it ends. */
export function becomeWrangler(args: string[]): void {
  const child = spawn(process.execPath, [bin, ...args], { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => child.kill(signal));
  }
  onOrphaned(() => child.kill("SIGTERM"));
  child.on("exit", (code) => process.exit(code ?? 1));
}

const ORPHAN_CHECK_MS = 1000;

/** Calls back when our parent is gone: npm passes no signal on when it is killed, and would leave servers behind. */
export function onOrphaned(callback: () => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    callback();
  }, ORPHAN_CHECK_MS);
  timer.unref();
}

/** The value of `--name value` or `--name=value` among arguments that are passed on. */
export function optionOf(args: readonly string[], name: string): string | undefined {
  const index = args.findIndex((argument) => argument === name || argument.startsWith(`${name}=`));
  if (index === -1) return undefined;
  return args[index] === name ? args[index + 1] : args[index]?.slice(name.length + 1);
}

/** Ends a script with what went wrong, in one line and not as a stack. */
export function fail(error: unknown, hint = ""): void {
  console.error(`${error instanceof Error ? error.message : String(error)}${hint && `\n${hint}`}`);
  process.exitCode = 1;
}
