import { defineConfig } from "vitest/config";
import { buildDocumentation } from "./scripts/documentation/build.ts";

// npm run test:browser: the pages in a real browser. Apart from the other tests, for it needs Debian's chromium.

buildDocumentation();

export default defineConfig({
  test: {
    include: ["test/browser/**/*.browser.test.ts"],
    // A browser and a Worker have to start, and the reference is four megabytes of script.
    testTimeout: 180_000,
    expect: { poll: { timeout: 30_000 } },
    hookTimeout: 60_000,
  },
});
