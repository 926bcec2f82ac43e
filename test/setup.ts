import { applyD1Migrations } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { checkLogs, startLogs } from "./support/logs.ts";
import { startQueue } from "./support/queue.ts";
import { checkStatements } from "./support/statements.ts";
import { checkHosts, startTwilio } from "./support/twilio.ts";

beforeAll(async () => {
  await applyD1Migrations(env.DB, env.MIGRATIONS);
});

beforeEach(async () => {
  await env.DB.batch(
    [
      "idempotency_keys",
      "key_creations",
      "unreturned_configurations",
      "event_attempts",
      "events",
      "twilio_receipts",
      "webhook_secrets",
      "phone_numbers",
      "twilio_accounts",
      "agents",
      "api_keys",
    ].map((table) => env.DB.prepare(`DELETE FROM ${table}`)),
  );
  startLogs();
  startQueue();
  startTwilio();
});

afterEach(() => {
  checkHosts();
  checkLogs();
});

afterAll(checkStatements);
