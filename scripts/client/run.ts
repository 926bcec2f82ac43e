import { spawnSync } from "node:child_process";

/** Runs a program to its end. Prints nothing unless it fails. @throws Error */
export function run(command: string, ...values: string[]): void {
  const { status, stdout, stderr, error } = spawnSync(command, values, { encoding: "utf8" });
  if (status !== 0) throw error ?? new Error(`${command} ${values.join(" ")} failed:\n${stdout}${stderr}`);
}
