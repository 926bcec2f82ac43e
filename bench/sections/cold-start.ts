import { type HttpRequest, send } from "../measure/client.ts";
import { oneByOne } from "../measure/closed-loop.ts";
import { alternate } from "../measure/rounds.ts";
import { median } from "../measure/statistics.ts";
import type { Options } from "../options.ts";
import { barChart } from "../report/bar-chart.ts";
import { row, type SectionReport } from "../report/row.ts";
import { SDK_SCHEMA } from "../sdk/answer-call.ts";
import { type Bundle, deployable, small } from "../systems/bundles.ts";
import { answer, signedCall } from "../systems/call.ts";
import { createCustomer } from "../systems/customer.ts";
import { PUBLIC_BASE_URL } from "../systems/deployed.ts";
import { startPeer } from "../systems/peer.ts";
import { startRuntime } from "../systems/runtime.ts";
import { startSimulator } from "../systems/simulator.ts";
import { callableNumbers } from "./callable.ts";

const WORKER = "wrangler.toml";
const SDK = "bench/sdk/whole.toml";
const SDK_PARTS = "bench/sdk/parts.toml";
const GZIP_BUDGET_KIB = 40;
const STARTS_PER_ROUND = 3;

/** How soon a fresh isolate answers its first call, and how much has to be loaded for it. */
export async function measureColdStart({ rounds }: Options): Promise<SectionReport> {
  const bundles = { worker: deployable(WORKER), sdk: deployable(SDK), parts: deployable(SDK_PARTS) };
  const nodejs = ["nodejs_compat"];
  const simulator = await startSimulator();
  const runtime = await startRuntime(simulator.url, {
    worker: { code: bundles.worker.code, compatibilityFlags: [] },
    empty: { code: await small("empty"), compatibilityFlags: [] },
    sdk: { code: bundles.sdk.code, compatibilityFlags: nodejs },
    parts: { code: bundles.parts.code, compatibilityFlags: nodejs },
  });
  const account = await simulator.addAccount();
  const [call] = await callableNumbers(
    simulator,
    account,
    await createCustomer(runtime),
    runtime.urls.isolates,
    1,
  );
  if (!call) throw new Error("no call to make");

  // The SDK's handlers keep their numbers in a table of their own.
  await runtime.d1.prepare(SDK_SCHEMA).run();
  await runtime.d1
    .prepare("INSERT INTO bench_routes VALUES ('cold', ?1, 'Hello, you have reached Acme Dental.')")
    .bind(account.authToken)
    .run();
  const [number] = await simulator.addNumbers(account, 1);
  if (!number) throw new Error("no number to call");
  const sdkUrl = `${PUBLIC_BASE_URL}/calls/cold/voice`;
  const sdkCall = await signedCall(account, number, sdkUrl, runtime.urls.isolates);

  const peerDatabase = crypto.randomUUID();
  const peer = await startPeer(simulator.url, peerDatabase);
  const [peerCall] = await callableNumbers(simulator, account, peer, peer.url, 1);
  peer.close();
  if (!peerCall) throw new Error("no call to make to the peer");

  const start =
    (name: string, request: HttpRequest, act: (of: HttpRequest) => Promise<unknown>) => async () =>
      median(
        await oneByOne(STARTS_PER_ROUND, () =>
          act({ ...request, headers: { ...request.headers, "x-bundle": name } }),
        ),
      );
  const measured = await alternate(rounds, {
    empty: start("empty", call, send),
    worker: start("worker", call, answer),
    parts: start("parts", sdkCall, answer),
    sdk: start("sdk", sdkCall, answer),
    express: async () => {
      const startedAt = performance.now();
      const fresh = await startPeer(simulator.url, peerDatabase);
      await answer({ ...peerCall, url: fresh.url + new URL(peerCall.url).pathname });
      const took = performance.now() - startedAt;
      fresh.close();
      return took;
    },
  });
  await runtime.close();
  simulator.close();

  const { worker, sdk, parts, express, empty } = measured;
  const first = "from the start of the isolate to its first call answered";
  const rows = [
    ...sizeRows(bundles),
    row(first, "ms", worker, "with the SDK", sdk, { atMost: 1 / 3 }),
    row(first, "ms", worker, "with only the SDK's files it needs", parts),
    row(first, "ms", worker, "Express peer, from the start of its process", express, { atMost: 1 / 3 }),
    row(first, "ms", worker, "an empty Worker", empty),
  ];
  const bars = [empty, worker, parts, sdk, express].map((values) => row("", "ms", values, "", values).ours);
  const names = ["an empty Worker", "the Worker", "SDK, only its files", "SDK, whole", "Express process"];
  const plot = barChart({
    title: "From a cold start to the first call answered",
    unit: "ms",
    series: ["median, with the lowest and highest round"],
    groups: bars.map((bar, index) => ({ label: names[index] ?? "", bars: [bar] })),
  });
  return { title: "Cold start", rows, plots: { "cold-start.svg": plot }, notes: [] };
}

function sizeRows({ worker, sdk, parts }: Record<"worker" | "sdk" | "parts", Bundle>) {
  const goal = { atMost: 1 / 10 };
  return [
    row("bundle, gzip", "KiB", [worker.gzipKiB], "its budget", [GZIP_BUDGET_KIB], { atMost: 1 }),
    row("bundle, gzip", "KiB", [worker.gzipKiB], "voice handler with the SDK", [sdk.gzipKiB], goal),
    row("bundle, raw", "KiB", [worker.rawKiB], "voice handler with the SDK", [sdk.rawKiB], goal),
    row("bundle, gzip", "KiB", [worker.gzipKiB], "voice handler with only the SDK's files it needs", [
      parts.gzipKiB,
    ]),
  ];
}
