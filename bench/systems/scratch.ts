import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// Databases of both sides lie in memory if the system has a place for that: how fast this machine's disk settles a
// write says nothing about D1, nor about the peer's server.
const IN_MEMORY = "/dev/shm";

const folder = mkdtempSync(join(existsSync(IN_MEMORY) ? IN_MEMORY : tmpdir(), "nixflex-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

/** The path of a file or folder that is gone when this process ends. */
export function scratch(name: string): string {
  return join(folder, name);
}
