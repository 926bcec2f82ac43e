import { type HttpRequest, send } from "../measure/http.ts";
import { alternate, oneByOne } from "../measure/rounds.ts";
import { median } from "../measure/statistics.ts";
import type { Options } from "../options.ts";
import { row, type SectionReport } from "../report.ts";
import { SDK_SCHEMA } from "../sdk/answer-call.ts";
import { deployable } from "../systems/bundles.ts";
import { answer, callableNumbers, signedCall } from "../systems/calls.ts";
import { startPeer, startSystems } from "../systems/systems.ts";
import { EMPTY, PUBLIC_BASE_URL } from "../systems/workerd.ts";

const GZIP_BUDGET_KIB = 40;
const STARTS_PER_ROUND = 3;
const SDK = "bench/sdk/wrangler.toml";

/** How soon a fresh isolate answers its first call, and how much has to be loaded for it. */
export async function measureColdStart({ rounds }: Options): Promise<SectionReport> {
  const worker = deployable("src/index.ts");
  const [sdk, parts] = [deployable("bench/sdk/whole.ts", SDK), deployable("bench/sdk/parts.ts", SDK)];
  const compatibilityFlags = ["nodejs_compat"];
  const systems = await startSystems({
    worker: { code: worker.code },
    empty: { code: EMPTY },
    sdk: { code: sdk.code, compatibilityFlags },
    parts: { code: parts.code, compatibilityFlags },
  });
  const { twilio, account, customer, urls, d1 } = systems;
  const [call] = await callableNumbers(systems, customer, urls.isolates, 1);

  // The SDK's handlers keep their numbers in a table of their own.
  await d1.prepare(SDK_SCHEMA).run();
  const insert = "INSERT INTO bench_routes VALUES ('cold', ?1, 'Hello, you have reached Acme Dental.')";
  await d1.prepare(insert).bind(account.authToken).run();
  const sdkUrl = `${PUBLIC_BASE_URL}/calls/cold/voice`;
  const sdkCall = await signedCall(account, "+15005550006", sdkUrl, urls.isolates);

  const database = crypto.randomUUID();
  const peer = await startPeer(twilio.url, database);
  const [peerCall] = await callableNumbers(systems, peer.importNumber, peer.url, 1);
  peer.close();

  const start =
    (bundle: string, request: HttpRequest, act: (request: HttpRequest) => Promise<unknown>) => async () => {
      const starting = { ...request, headers: { ...request.headers, "x-bundle": bundle } };
      return median(await oneByOne(Array(STARTS_PER_ROUND), () => act(starting)));
    };
  const measured = await alternate(rounds, {
    empty: start("empty", call, send),
    worker: start("worker", call, answer),
    parts: start("parts", sdkCall, answer),
    sdk: start("sdk", sdkCall, answer),
    express: async () => {
      const startedAt = performance.now();
      const fresh = await startPeer(twilio.url, database);
      await answer({ ...peerCall, url: fresh.url + new URL(peerCall.url).pathname });
      fresh.close();
      return performance.now() - startedAt;
    },
  });
  await systems.close();

  const withSdk = "voice handler with the SDK";
  const withParts = "voice handler with only the SDK's files it needs";
  const first = "from the start of the isolate to its first call answered";
  const express = "Express peer, from the start of its process";
  const rows = [
    row("bundle, gzip", "KiB", [worker.gzipKiB], "its budget", [GZIP_BUDGET_KIB], 1),
    row("bundle, gzip", "KiB", [worker.gzipKiB], withSdk, [sdk.gzipKiB], 1 / 10),
    row("bundle, raw", "KiB", [worker.rawKiB], withSdk, [sdk.rawKiB], 1 / 10),
    row("bundle, gzip", "KiB", [worker.gzipKiB], withParts, [parts.gzipKiB]),
    row(first, "ms", measured.worker, "with the SDK", measured.sdk, 1 / 3),
    row(first, "ms", measured.worker, "with only the SDK's files it needs", measured.parts),
    row(first, "ms", measured.worker, express, measured.express, 1 / 3),
    row(first, "ms", measured.worker, "an empty Worker", measured.empty),
  ];
  return { title: "Cold start", rows, notes: [] };
}
