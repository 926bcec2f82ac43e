import { ConfigError } from "../config.ts";

/**
 * The deployment's objects are not where the configuration looks for them: they would seem to be gone, and new ones would
 * be made.
 *
 * @param known the jurisdiction in which they were made; null if none was
 * @throws ConfigError
 */
export function requireSame(known: string | null | undefined, jurisdiction: string): void {
  if (known === null || known === undefined || known === jurisdiction) return;
  throw new ConfigError([
    `JURISDICTION is "${jurisdiction}", but events and call logs are in "${known}", and cannot be moved. Set JURISDICTION ` +
      `to "${known}" again`,
  ]);
}
