import { existsSync, writeFileSync } from "node:fs";
import { freshSecrets } from "./fresh-secrets.ts";
import { fail } from "./wrangler.ts";

// npm run secrets: writes new secrets for a deployment to a file that `wrangler deploy --secrets-file` reads. Never
// overwrites the file: it may be the only copy of the key that opens every stored token.

const FILE = ".secrets.json";

if (existsSync(FILE)) {
  fail(`${FILE} already exists, so it was not changed.`);
} else {
  writeFileSync(FILE, `${JSON.stringify(freshSecrets(), null, 2)}\n`, { mode: 0o600 });
  console.log(`Wrote ${FILE}. After the deployment, move it to a password manager.`);
}
