import { expect, vi } from "vitest";

let lines: string[] = [];
let secrets: Set<string> = new Set();
let expectedErrors: Set<string> = new Set();
let isAnyErrorExpected = false;

/** Catches what is logged while a test runs. */
export function startLogs(): void {
  lines = [];
  secrets = new Set();
  expectedErrors = new Set();
  isAnyErrorExpected = false;
  for (const level of ["log", "info", "warn", "error", "debug"] as const) {
    vi.spyOn(console, level).mockImplementation((...values: unknown[]) => {
      lines.push(values.map(String).join(" "));
    });
  }
}

/** Checks the lines so far for secrets, and then forgets lines and secrets, so that a test can begin a new case. */
export function restartLogs(): void {
  checkSecrets();
  lines = [];
  secrets = new Set();
}

/** From now on the test fails if one of its log lines holds this text. */
export function keepSecret(secret: string): void {
  secrets.add(secret);
}

/** The log lines of this test so far, parsed. */
export function logLines(): Record<string, unknown>[] {
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** A line of this test that a runbook relies on: its event, and the fields that the runbook reads. */
export function expectLine(event: string, fields: Record<string, unknown> = {}): void {
  expect(logLines()).toContainEqual(expect.objectContaining({ event, ...fields }));
}

/** This test expects an error that an operator should see. */
export function expectErrorLog(event: string): void {
  expectedErrors.add(event);
}

/** This test expects errors of many kinds. */
export function allowAllErrors(): void {
  isAnyErrorExpected = true;
}

/** Every line is JSON, none holds a secret of this test, and the errors are exactly those the test expects. */
export function checkLogs(): void {
  // Whoever breaks D1 expects it.
  const errors = logLines().filter(
    ({ level, error_code }) => level === "error" && error_code !== "storage_unavailable",
  );
  if (!isAnyErrorExpected) expect(new Set(errors.map(({ event }) => event))).toEqual(expectedErrors);
  checkSecrets();
}

function checkSecrets(): void {
  const all = lines.join("\n");
  for (const secret of secrets) expect(all.includes(secret), "a log line holds a secret").toBe(false);
}
