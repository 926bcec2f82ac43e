import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { workersDevSubdomain } from "./cloudflare.ts";
import {
  type Answer,
  addressFault,
  addressOf,
  databaseFault,
  secretsFault,
  sharedFault,
  subdomainFault,
  usesWorkersDev,
  verdictOf,
} from "./deployment.ts";
import { configOf, takeTarget } from "./target.ts";
import { fail, optionOf, takeOption, wrangler } from "./wrangler.ts";

// npm run deploy: applies the migrations to the deployment's D1, deploys, and asks the deployment who it is. With
// `--wait N` it asks for N seconds until the right version answers, 60 unless said. Other arguments after -- go to
// `wrangler deploy`, which creates a missing queue.

const DEFAULT_WAIT_S = 60;
const PAUSE_MS = 1000;
const OUTPUT = "WRANGLER_OUTPUT_FILE_PATH";

async function deploy(): Promise<void> {
  const { target, rest } = takeTarget(process.argv.slice(2));
  const config = configOf(target);
  const { value: wait = DEFAULT_WAIT_S, rest: args } = takeOption(rest, "--wait");
  if (args.includes("--dry-run")) {
    await build();
    return wrangler(["deploy", ...target.flags, ...args]);
  }
  const address = addressOf(args, config);
  refuse([
    databaseFault(target, config),
    addressFault(target, address),
    sharedFault(target, config, configOf({ ...target, environment: "" })),
    secretsFault(optionOf(args, "--secrets-file")),
  ]);
  if (usesWorkersDev(config)) {
    const subdomain = await workersDevSubdomain(config.account_id);
    if (subdomain !== undefined) refuse([subdomainFault(target, config, address, subdomain)]);
  }
  await build();
  // The migrations come first: the new Worker needs them, and the one before it runs on them too.
  wrangler(["d1", "migrations", "apply", "DB", "--remote", ...target.flags]);
  const output = process.env[OUTPUT] ?? join(mkdtempSync(join(tmpdir(), "deploy-")), "output");
  process.env[OUTPUT] = output;
  try {
    wrangler(["deploy", ...target.flags, ...args]);
  } catch (error) {
    throw new Error(
      `${(error as Error).message}\nThe migrations are applied, and the Worker before runs on them. When the cause is gone, run the same command again.`,
    );
  }
  const { isRight, text } = await ask(new URL(address).origin, deployedVersion(output), Number(wait));
  if (!isRight) throw new Error(text);
  console.error(text);
}

/** Loaded late: who has forgotten something need not wait for it. */
async function build(): Promise<void> {
  const { buildDocumentation } = await import("./documentation/build.ts");
  buildDocumentation();
}

/** @throws Error that says all faults, if there are any */
function refuse(faults: (string | undefined)[]): void {
  const found = faults.filter((fault) => fault !== undefined);
  if (found.length > 0) throw new Error([...found, "Nothing was sent."].join("\n"));
}

/** The id of the version that wrangler deployed, from the file in which it says so to programs. */
function deployedVersion(file: string): string | undefined {
  const lines = readFileSync(file, "utf8").trim().split("\n");
  const entries = lines.map((line) => JSON.parse(line) as { type: string; version_id?: string });
  return entries.findLast(({ type }) => type === "deploy")?.version_id;
}

/** Asks until the right version answers or the time is up: Cloudflare's data centres take some seconds. */
async function ask(address: string, deployed: string | undefined, seconds: number) {
  const until = Date.now() + seconds * 1000;
  for (;;) {
    const verdict = verdictOf(address, deployed, await health(address));
    if (verdict.isRight || Date.now() >= until) return verdict;
    await setTimeout(PAUSE_MS);
  }
}

async function health(address: string): Promise<Answer | Error> {
  try {
    const response = await fetch(`${address}/healthz`, {
      redirect: "manual",
      signal: AbortSignal.timeout(10_000),
    });
    const body = await response.json().catch(() => ({}));
    return { ...(body as object), status: response.status };
  } catch (error) {
    const { cause, message } = error as Error;
    return new Error(cause instanceof Error ? cause.message : message);
  }
}

await deploy().catch(fail);
