import { freshSecrets } from "./fresh-secrets.ts";

// npm run --silent secrets: fresh secrets for a deployment, as the JSON that `wrangler secret bulk` and
// `wrangler deploy --secrets-file` read.

console.log(JSON.stringify(freshSecrets(), null, 2));
