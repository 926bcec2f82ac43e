import { setTimeout as pause } from "node:timers/promises";
import type { HttpRequest } from "../measure/http.ts";
import { cpuMs } from "../measure/process.ts";
import { alternate } from "../measure/rounds.ts";
import { median } from "../measure/statistics.ts";
import type { Options } from "../options.ts";
import { row, type SectionReport } from "../report.ts";
import { deployable } from "../systems/bundles.ts";
import { answer, callableNumbers, signedCall } from "../systems/calls.ts";
import { type Systems, startSystems } from "../systems/systems.ts";
import { PUBLIC_BASE_URL } from "../systems/workerd.ts";

const STARTS_PER_ROUND = 5;
/** All isolates share a thread: what one does after its answer is over when the next one starts. */
const REST_MS = 30;

/** How soon a fresh isolate answers its first call. */
export async function measureColdStart({ rounds }: Options): Promise<SectionReport> {
  const { code, gzipKiB } = deployable();
  const sdk = deployable("bench/workers/sdk.ts", "bench/workers/sdk.toml");
  const systems = await startSystems({
    worker: { code },
    sdk: { code: sdk.code, compatibilityFlags: ["nodejs_compat"] },
  });
  const [call] = await callableNumbers(systems, systems.urls.isolates, 1);
  const callToSdk = await callableBySdk(systems);
  const start = (bundle: string, call: HttpRequest) => {
    const starting = { ...call, headers: { ...call.headers, "x-bundle": bundle } };
    return () => medianStart(systems.pid, () => answer(starting));
  };
  const measured = await alternate(rounds, {
    worker: start("worker", call),
    sdk: start("sdk", callToSdk),
  });
  await systems.close();

  const of = (name: keyof typeof measured, part: keyof Start) => measured[name].map((start) => start[part]);
  const first = "the first call of a fresh isolate";
  const withSdk = "with two files of Twilio's SDK";
  const core = "the same, time on a core";
  return {
    title: "Cold start",
    rows: [
      row(first, "ms", of("worker", "wallMs"), withSdk, of("sdk", "wallMs"), 1),
      row(core, "ms", of("worker", "cpuMs"), withSdk, of("sdk", "cpuMs"), 1),
    ],
    notes: [
      `The bundle is ${gzipKiB.toFixed(1)} KiB, gzip, and that with the SDK ${sdk.gzipKiB.toFixed(1)}.`,
    ],
  };
}

/** What a start took: on the clock, and of the process's time on a core. */
type Start = { wallMs: number; cpuMs: number };

async function medianStart(pid: number, act: () => Promise<unknown>): Promise<Start> {
  const starts: Start[] = [];
  for (let nth = 0; nth < STARTS_PER_ROUND; nth += 1) {
    const [cpu, startedAt] = [cpuMs(pid), performance.now()];
    await act();
    const wallMs = performance.now() - startedAt;
    await pause(REST_MS);
    starts.push({ wallMs, cpuMs: cpuMs(pid) - cpu });
  }
  return {
    wallMs: median(starts.map(({ wallMs }) => wallMs)),
    cpuMs: median(starts.map(({ cpuMs }) => cpuMs)),
  };
}

/** A number in a table of the SDK's Worker, and a signed call to it. */
async function callableBySdk({ d1, account, urls }: Systems): Promise<HttpRequest> {
  await d1
    .prepare("CREATE TABLE bench_routes (id TEXT PRIMARY KEY, auth_token TEXT, welcome_message TEXT)")
    .run();
  const insert = "INSERT INTO bench_routes VALUES ('cold', ?1, 'Hello, you have reached Acme Dental.')";
  await d1.prepare(insert).bind(account.authToken).run();
  return signedCall(account, "+15005550006", `${PUBLIC_BASE_URL}/calls/cold/voice`, urls.isolates);
}
