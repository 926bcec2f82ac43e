import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

// What Linux tells of a process under /proc (https://man7.org/linux/man-pages/man5/proc.5.html).

/** The process of this name that this one started last. @throws Error if there is none */
export function childNamed(name: string): number {
  return Number(execFileSync("pgrep", ["--newest", "--parent", String(process.pid), name]));
}

/** Time its threads have spent on a core so far, in milliseconds. What others do on the machine does not count. */
export function cpuMs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const nanoseconds = threads.map((thread) => Number(read(`${pid}/task/${thread}/schedstat`).split(" ")[0]));
  return nanoseconds.reduce((sum, one) => sum + one, 0) / 1_000_000;
}

function read(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, "utf8");
  } catch {
    return ""; // The process or thread ended while we looked.
  }
}
