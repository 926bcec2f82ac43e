import { existsSync, writeFileSync } from "node:fs";
import { freshSecrets } from "./fresh-secrets.ts";
import { fail } from "./wrangler.ts";

// npm run secrets: fresh secrets for a deployment, in a file that `wrangler deploy --secrets-file` reads. A file that
// is there is never overwritten: it may be the only copy of the key that opens every stored token.

const FILE = ".secrets.json";

if (existsSync(FILE)) {
  fail(`${FILE} is there already and was left as it is.`);
} else {
  writeFileSync(FILE, `${JSON.stringify(freshSecrets(), null, 2)}\n`, { mode: 0o600 });
  console.log(`Wrote ${FILE}. Move it to a password manager once it is deployed.`);
}
