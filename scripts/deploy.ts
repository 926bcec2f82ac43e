import { deploymentFaults } from "./deployment.ts";
import { buildDocumentation } from "./documentation/build.ts";
import { becomeWrangler, fail, optionOf, wrangler } from "./wrangler.ts";

// npm run deploy: applies the migrations to the deployment's D1 and deploys. Arguments after -- go to `wrangler deploy`.

const args = process.argv.slice(2);
const isDryRun = args.includes("--dry-run");
const saysAddress = args.some((argument) => argument.includes("PUBLIC_BASE_URL:https://"));

const { database, address } = deploymentFaults();
const faults = [database, saysAddress ? undefined : address].filter((fault) => fault !== undefined);

try {
  buildDocumentation();
  if (!isDryRun) {
    if (faults.length > 0) throw new Error(faults.join("\n"));
    const environment = optionOf(args, "--env");
    wrangler(["d1", "migrations", "apply", "DB", "--remote", ...(environment ? ["--env", environment] : [])]);
  }
  becomeWrangler(["deploy", ...args]);
} catch (error) {
  fail(error);
}
