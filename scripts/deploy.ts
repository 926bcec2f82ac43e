import { deploymentFaults, queueNames } from "./deployment.ts";
import { buildDocumentation } from "./documentation/build.ts";
import { becomeWrangler, fail, optionOf, wrangler, wranglerQuietly } from "./wrangler.ts";

// npm run deploy: applies the migrations to the deployment's D1, creates missing queues, and deploys. Arguments after --
// go to `wrangler deploy`.

const args = process.argv.slice(2);
const isDryRun = args.includes("--dry-run");
const saysAddress = args.some((argument) => argument.includes("PUBLIC_BASE_URL:https://"));

const { database, address } = deploymentFaults();
const faults = [database, saysAddress ? undefined : address].filter((fault) => fault !== undefined);

/** Creates missing queues, because Cloudflare refuses a Worker without its queues. @throws Error if it cannot */
function makeQueues(environment: string[]): void {
  for (const name of queueNames()) {
    const made = wranglerQuietly(["queues", "create", name, ...environment]);
    // If the queue exists, it cannot be created again. That is normal from the second deployment on.
    if (!made.succeeded && !wranglerQuietly(["queues", "info", name, ...environment]).succeeded) {
      throw new Error(`${made.output}\nThe queue ${name} could not be created; wrangler's output is above.`);
    }
    console.error(`Queue ${name}: ${made.succeeded ? "created" : "already there"}.`);
  }
}

try {
  buildDocumentation();
  if (!isDryRun) {
    if (faults.length > 0) throw new Error(faults.join("\n"));
    const option = optionOf(args, "--env");
    const environment = option ? ["--env", option] : [];
    // The migrations come first: wrangler may ask the person at the terminal which account to use. It then knows it.
    wrangler(["d1", "migrations", "apply", "DB", "--remote", ...environment]);
    makeQueues(environment);
  }
  becomeWrangler(["deploy", ...args]);
} catch (error) {
  fail(error);
}
