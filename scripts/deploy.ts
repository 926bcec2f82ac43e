import { deploymentFaults, queueNames } from "./deployment.ts";
import { buildDocumentation } from "./documentation/build.ts";
import { becomeWrangler, fail, optionOf, wrangler, wranglerQuietly } from "./wrangler.ts";

// npm run deploy: applies the migrations to the deployment's D1, makes the queues that are not there yet, and deploys.
// Arguments after -- go to `wrangler deploy`.

const args = process.argv.slice(2);
const isDryRun = args.includes("--dry-run");
const saysAddress = args.some((argument) => argument.includes("PUBLIC_BASE_URL:https://"));

const { database, address } = deploymentFaults();
const faults = [database, saysAddress ? undefined : address].filter((fault) => fault !== undefined);

/** A Worker whose queues are not there is refused. @throws Error where one is neither there nor can be made */
function makeQueues(environment: string[]): void {
  for (const name of queueNames()) {
    const made = wranglerQuietly(["queues", "create", name, ...environment]);
    // It cannot be made where it is there already, which is how it is from the second deployment on.
    if (!made.succeeded && !wranglerQuietly(["queues", "info", name, ...environment]).succeeded) {
      throw new Error(`${made.output}\nThe queue ${name} could not be made; what wrangler said is above.`);
    }
    console.error(`Queue ${name}: ${made.succeeded ? "made" : "there already"}.`);
  }
}

try {
  buildDocumentation();
  if (!isDryRun) {
    if (faults.length > 0) throw new Error(faults.join("\n"));
    const option = optionOf(args, "--env");
    const environment = option ? ["--env", option] : [];
    // First what may ask the person at the terminal which account is meant; the rest is told.
    wrangler(["d1", "migrations", "apply", "DB", "--remote", ...environment]);
    makeQueues(environment);
  }
  becomeWrangler(["deploy", ...args]);
} catch (error) {
  fail(error);
}
