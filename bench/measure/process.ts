import { readdirSync, readFileSync } from "node:fs";

// What Linux tells of a process under /proc (https://man7.org/linux/man-pages/man5/proc.5.html).

/** The process of this name that this one started last. @throws Error where there is none */
export function childNamed(name: string): number {
  const children = readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => statOf(pid)?.parent === process.pid && statOf(pid)?.name === name);
  const youngest = Math.max(...children);
  if (!Number.isFinite(youngest)) throw new Error(`no child process named ${name}`);
  return youngest;
}

function statOf(pid: number): { name: string; parent: number } | undefined {
  try {
    const match = /^\d+ \((.*)\) \S (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8"));
    return match ? { name: match[1] ?? "", parent: Number(match[2]) } : undefined;
  } catch {
    return undefined; // It ended while we looked.
  }
}

/** Resident memory, in MiB. */
export function memoryMiB(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kib) / 1024;
}

/** Time its threads have spent on a core so far, in milliseconds. What others do on the machine does not count. */
export function cpuMs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const nanoseconds = threads.reduce((sum, thread) => sum + threadNanoseconds(pid, thread), 0);
  return nanoseconds / 1_000_000;
}

function threadNanoseconds(pid: number, thread: string): number {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
  } catch {
    return 0; // It ended while we looked.
  }
}
