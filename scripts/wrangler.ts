import { spawn, spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

// No code here uses a request's `cf` object, so wrangler need not fetch an example of it from Cloudflare.
process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
// `send_metrics` in wrangler.toml does not work for every command. This does.
process.env.WRANGLER_SEND_METRICS = "false";

const require = createRequire(import.meta.url);
const bin = join(dirname(require.resolve("wrangler/package.json")), "bin/wrangler.js");

/**
 * Runs wrangler to its end. Its output goes to our standard error, so that standard output has only the script's own.
 * Only a deployment or a remote command may ask the person at the terminal to log in or to confirm.
 *
 * @throws Error if wrangler fails
 */
export function wrangler(args: string[]): void {
  const stdin = args.includes("--remote") || args[0] === "deploy" ? "inherit" : "ignore";
  const { status } = spawnSync(process.execPath, [bin, ...args], { stdio: [stdin, 2, 2] });
  if (status !== 0) throw new Error(`wrangler ${args.slice(0, 3).join(" ")} failed; its output is above.`);
}

/** Runs wrangler to its end without showing its output. */
export function wranglerQuietly(args: string[]): { succeeded: boolean; stdout: string; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
  });
  return { succeeded: status === 0, stdout, output: `${stdout}${stderr}`.trim() };
}

/** Runs wrangler to its end and parses its output as JSON. @throws Error if wrangler fails */
export function wranglerJson(args: string[]): unknown {
  const { status, stdout } = spawnSync(process.execPath, [bin, ...args], { stdio: ["inherit", "pipe", 2] });
  if (status !== 0) {
    // With --json wrangler writes its errors to standard output.
    process.stderr.write(stdout ?? "");
    throw new Error(`wrangler ${args.slice(0, 3).join(" ")} failed; its output is above.`);
  }
  return JSON.parse(String(stdout));
}

/** Runs wrangler in the foreground. When it ends, this process ends with the same exit code. */
export function becomeWrangler(args: string[]): void {
  const child = spawn(process.execPath, [bin, ...args], { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => child.kill(signal));
  }
  onOrphaned(() => child.kill("SIGTERM"));
  child.on("exit", (code) => process.exit(code ?? 1));
}

const ORPHAN_CHECK_MS = 1000;

/** Calls back when our parent process is gone: a killed npm passes no signal on, and servers would keep running. */
export function onOrphaned(callback: () => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    callback();
  }, ORPHAN_CHECK_MS);
  timer.unref();
}

/** The value of `--name value` or `--name=value` in the arguments for wrangler. */
export function optionOf(args: readonly string[], name: string): string | undefined {
  return takeOption(args, name).value;
}

/**
 * Takes an option out of the arguments, in each form that wrangler knows: `--env x`, `--env=x`, `-e x`, `-e=x`, `-ex`.
 *
 * @throws Error if it has no value or two
 */
export function takeOption(
  args: readonly string[],
  name: string,
  short?: string,
): { value: string | undefined; rest: string[] } {
  const values: string[] = [];
  const rest: string[] = [];
  for (let index = 0; index < args.length; index += 1) {
    const argument = args[index] ?? "";
    const attached = attachedValue(argument, name, short);
    if (argument !== name && argument !== short && attached === undefined) {
      rest.push(argument);
      continue;
    }
    if (attached === undefined) index += 1;
    const value = attached ?? args[index];
    if (value === undefined || value.startsWith("-")) throw new Error(`${name} needs a value.`);
    values.push(value);
  }
  if (values.length > 1) throw new Error(`${name} is given twice.`);
  return { value: values[0], rest };
}

function attachedValue(argument: string, name: string, short: string | undefined): string | undefined {
  if (argument.startsWith(`${name}=`)) return argument.slice(name.length + 1);
  if (short === undefined || argument === short || !argument.startsWith(short)) return undefined;
  return argument.slice(short.length).replace(/^=/, "");
}

/** Prints the error in one line, without a stack, and sets the exit code to 1. */
export function fail(error: unknown, hint = ""): void {
  console.error(`${error instanceof Error ? error.message : String(error)}${hint && `\n${hint}`}`);
  process.exitCode = 1;
}
