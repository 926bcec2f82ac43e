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

/** From now on, a log line of this test that holds this text fails it. */
export function keepSecret(secret: string): void {
  secrets.add(secret);
}

/** The log lines of this test so far, parsed. */
export function logLines(): Record<string, unknown>[] {
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** This test means to bring about an error that an operator should see. */
export function expectErrorLog(event: string): void {
  expectedErrors.add(event);
}

/** This test brings about errors of many kinds. */
export function allowAllErrors(): void {
  isAnyErrorExpected = true;
}

/** Every line is JSON, none holds a secret of this test, and errors are only those the test expects: all of them. */
export function checkLogs(): void {
  const errors = logLines().filter(({ level }) => level === "error");
  if (!isAnyErrorExpected) expect(new Set(errors.map(({ event }) => event))).toEqual(expectedErrors);
  for (const line of lines) {
    for (const secret of secrets) expect(line).not.toContain(secret);
  }
}
