import { applyD1Migrations } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, afterEach, beforeAll, beforeEach, vi } from "vitest";
import "./support/one-prototype.ts";
import { clearDatabase } from "./support/database.ts";
import { checkLogs, startLogs } from "./support/logs.ts";
import { startOutboxes } from "./support/outbox.ts";
import { startQueue } from "./support/queue.ts";
import { closeSessions } from "./support/session.ts";
import { checkStatements } from "./support/statements.ts";
import { checkRequests, startTwilio } from "./support/twilio.ts";

// A busy machine takes its time: what is waited for may take longer than Vitest's second.
const { waitFor } = vi;
vi.waitFor = (work, options = { timeout: 20_000 }) => waitFor(work, options);

beforeAll(async () => {
  await applyD1Migrations(env.DB, env.MIGRATIONS);
});

beforeEach(async () => {
  await clearDatabase();
  await startOutboxes();
  startLogs();
  startQueue();
  startTwilio();
});

afterEach(() => {
  // All files share one isolate: a clock that a test has moved would be moved for the next one.
  vi.useRealTimers();
  closeSessions();
  checkRequests();
  checkLogs();
});

afterAll(checkStatements);
