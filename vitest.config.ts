import { statfsSync } from "node:fs";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-pool-workers";
import { defineConfig } from "vitest/config";
import { buildDocumentation } from "./scripts/documentation/build.ts";

// The Worker's secrets while it is tested. They are also in the environment, where wrangler looks for what
// wrangler.toml requires and warns of what it does not find.
const secrets = {
  TOKEN_ENCRYPTION_KEYS: "test:HBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBw",
  ID_SECRET: "QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8",
  ADMIN_TOKEN: "admin-token-of-the-tests-0123456789",
};
Object.assign(process.env, secrets);

// Each test writes to real databases. In memory, where a machine has room there, no test waits for a disk.
const ROOM_BYTES = 1e9;
try {
  const { bavail, bsize } = statfsSync("/dev/shm");
  if (bavail * bsize > ROOM_BYTES) process.env.TMPDIR = "/dev/shm";
} catch {
  // Not Linux.
}

buildDocumentation();
const migrations = await readD1Migrations("migrations");

export default defineConfig({
  test: {
    // Four runtimes, each with stores of its own, share the files: a test that waits for a process leaves its core to
    // the others. On two cores that is faster than three (168 and 187 seconds), and than two.
    maxWorkers: 4,
    projects: [
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              r2Buckets: ["TRANSCRIPTS"],
              bindings: {
                PUBLIC_BASE_URL: "https://numbers.example.com",
                ...secrets,
                CONNECT_LINKS: "true",
                MODEL_BASE_URL: "https://model.example/v1",
                MODEL: "scripted",
                DEFAULT_LIMITS: '{ "allowed_countries": ["*"] }',
                MIGRATIONS: migrations,
                CALL_HISTORIES: process.env.CALL_HISTORIES ?? "15",
                TALKS: process.env.TALKS ?? "20",
                SOAK_MINUTES: process.env.SOAK_MINUTES ?? "0",
              },
            },
          }),
        ],
        test: {
          name: "workerd",
          include: ["test/**/*.test.ts"],
          exclude: ["test/**/*.node.test.ts", "test/browser/**", "test/packages/**"],
          setupFiles: ["test/setup.ts", "test/properties.ts"],
          restoreMocks: true,
          // Two busy cores take their time; no test waits on purpose.
          testTimeout: 30_000,
          // One isolate for all files of a runtime: test/setup.ts empties the tables before each test, and starting a runtime for
          // each file takes three times as long as the tests themselves.
          isolate: false,
        },
      },
      {
        test: {
          name: "node",
          include: ["test/**/*.node.test.ts"],
          // They start processes; a busy machine takes its time.
          testTimeout: 60_000,
          globalSetup: ["test/client/build.ts"],
          // What many of them import, such as the reference and Wrangler, is loaded once for each of the four.
          isolate: false,
          setupFiles: ["test/properties.ts"],
        },
      },
    ],
  },
});
