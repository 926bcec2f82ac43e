import { fail, wrangler } from "./wrangler.ts";

// npm run types: writes worker-configuration.d.ts from wrangler.toml; with --check, fails if the file is out of date.

try {
  // All environments, whatever CLOUDFLARE_ENV says.
  wrangler(["types", "--env=", "--include-runtime=false", "--strict-vars=false", ...process.argv.slice(2)]);
} catch (error) {
  fail(error);
}
