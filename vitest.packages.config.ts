import { defineConfig } from "vitest/config";

// npm run test:packages: the packages as they are published, on every Node.js that they promise. Apart from the other
// tests, for what it needs is half a gigabyte.

export default defineConfig({
  test: {
    include: ["test/packages/**/*.packages.test.ts"],
    globalSetup: ["test/packages/build.ts"],
    // They install packages and start Workers.
    testTimeout: 180_000,
    hookTimeout: 600_000,
  },
});
