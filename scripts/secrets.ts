import { writeFileSync } from "node:fs";
import { freshSecrets } from "./fresh-secrets.ts";
import { configOf, takeTarget } from "./target.ts";
import { fail } from "./wrangler.ts";

// npm run secrets [-- --env NAME]: writes new secrets for a deployment to a file that `wrangler deploy --secrets-file` reads. Never
// overwrites the file: it may be the only copy of the key that opens every stored token.

try {
  const { target, rest } = takeTarget(process.argv.slice(2));
  if (rest.length > 0) throw new Error(`Unknown argument: ${rest[0]}`);
  configOf(target);
  const file = target.environment === "" ? ".secrets.json" : `.secrets.${target.environment}.json`;
  try {
    writeFileSync(file, `${JSON.stringify(freshSecrets(), null, 2)}\n`, { flag: "wx", mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new Error(`${file} already exists, so it was not changed.`);
  }
  console.log(`Wrote ${file}. After the deployment, move it to a password manager.`);
} catch (error) {
  fail(error);
}
