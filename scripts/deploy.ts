import { unstable_readConfig as readConfig } from "wrangler";
import { becomeWrangler, wrangler } from "./wrangler.ts";

// npm run deploy: applies the migrations to the deployment's D1 and deploys. Arguments after -- go to `wrangler deploy`.

const PLACEHOLDER_ID = /^[0-]+$/;

const args = process.argv.slice(2);
const { d1_databases, vars } = readConfig({ config: "wrangler.toml" });

const faults = [
  PLACEHOLDER_ID.test(d1_databases[0]?.database_id ?? "") &&
    "database_id is a placeholder. Run `npx wrangler d1 create nixflex-numbers` and copy the id it prints.",
  !String(vars.PUBLIC_BASE_URL).startsWith("https://") &&
    !args.some((argument) => argument.startsWith("PUBLIC_BASE_URL:https://")) &&
    "PUBLIC_BASE_URL is not an https URL. Set it to the address of your Worker.",
].filter((fault) => fault !== false);

if (faults.length > 0) {
  console.error(["wrangler.toml is not ready for a deployment:", ...faults].join("\n- "));
  process.exitCode = 1;
} else {
  wrangler(["d1", "migrations", "apply", "DB", "--remote"]);
  becomeWrangler(["deploy", ...args]);
}
