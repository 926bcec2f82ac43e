import { fail, wrangler } from "./wrangler.ts";

// npm run types: writes worker-configuration.d.ts anew from wrangler.toml; with --check, says whether that is needed.

try {
  wrangler(["types", "--include-runtime=false", "--strict-vars=false", ...process.argv.slice(2)]);
} catch (error) {
  fail(error);
}
