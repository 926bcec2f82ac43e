import { setTimeout as pause } from "node:timers/promises";
import { partOf } from "../../src/parts.ts";
import { sha256 } from "../../src/vault/hash.ts";
import { newSid } from "../../test/twilio-simulator/state.ts";
import { type HttpRequest, send, sendExpecting } from "../measure/http.ts";
import { alternate } from "../measure/rounds.ts";
import { median, quantile } from "../measure/statistics.ts";
import type { Options } from "../options.ts";
import { row, type SectionReport } from "../report.ts";
import { signedCall } from "../systems/calls.ts";
import type { CustomerCommands } from "../systems/customers-process.ts";
import { createCustomer, type Systems, startSystems } from "../systems/systems.ts";
import { startHelper } from "../systems/twilio.ts";

/**
 * What the fullest of 256 parts carries of ten million calls a day at four times the mean (test/parts.test.ts): 4.3
 * requests a second of a log, two for a call, and 9.4 of an outbox, four for a call with two events.
 */
const CALLS_PER_SECOND = 9.4 / 4;
const NUMBERS = 80;
/** What has not arrived so long after the last call is lost. */
const PATIENCE_MS = 60_000;
const LISTED = { many: 1_000_000, quick: 20_000 };
const FILLED_AT_ONCE = 20_000;
const PAGES_PER_ROUND = 5;

/** One part of a key with what it must carry, and the list of calls in several parts. */
export async function measurePart({ minutes, quick, rounds }: Options): Promise<SectionReport> {
  const customers = await startHelper<CustomerCommands>("bench/systems/customers-process.ts");
  const systems = await startSystems({}, { ALLOW_LOCAL_WEBHOOKS: "true" }, "part");
  const loaded = await load(systems, customers, Math.round(CALLS_PER_SECOND * 60 * (quick ? 0.2 : minutes)));
  const { count, seconds, late, lost } = loaded;
  console.error(`part: of ${count} calls in ${seconds} s ${lost} lost`);
  const listed = quick ? LISTED.quick : LISTED.many;
  const whole = await filledKey(systems, listed, 1);
  const split = await filledKey(systems, listed, 8);
  const share = await filledKey(systems, listed / 8, 1);
  const pages = await alternate(rounds, { whole, split, share });
  await systems.close();
  customers.close();

  const p = (of: number) => [quantile(late, of)];
  const first = `first page of ${listed.toLocaleString("en-US")} calls in 8 parts`;
  return {
    title: "One part of a key",
    rows: [
      row(
        `Twilio's wait, p99: ${count} calls with two events in ${seconds} s`,
        "ms",
        p(0.99),
        "goal",
        [100],
        1,
      ),
      row("calls and events lost", "", [lost], "all", [count * 3], 0),
      row(first, "ms", pages.split, "of an eighth of them, in one part", pages.share, 3),
    ],
    notes: [
      `The first page of all of them, in one part: ${Math.round(median(pages.whole))} ms.`,
      `What Twilio waits for, in ms: ${[0.5, 0.9, 0.99, 0.999, 1].map((of) => `${of}: ${p(of)[0]?.toFixed(1)}`).join(", ")}.`,
    ],
  };
}

type Customers = Awaited<ReturnType<typeof startHelper<CustomerCommands>>>;

/** Numbers of one key with one part, called at a steady rate; late counts from when Twilio would have asked. */
async function load({ urls, secrets, twilio }: Systems, customers: Customers, count: number) {
  const settings = { webhook_url: `${customers.url}/fast` };
  const { importNumber, bearer } = await createCustomer(urls.worker, secrets.ADMIN_TOKEN, settings);
  const account = await twilio.addAccount();
  const numbers: { to: string; voice: string; status: string }[] = [];
  for (const number of await twilio.addNumbers(account, NUMBERS)) {
    await importNumber(account, number);
    const [voice, status] = [
      await twilio.urlOf(number.sid, "voice_url"),
      await twilio.urlOf(number.sid, "status_callback"),
    ];
    numbers.push({ to: number.phone_number, voice, status });
  }
  const late: number[] = [];
  let failed = 0;
  const ask = async (dueAt: number, request: HttpRequest) => {
    const { status } = await send(request).catch(() => ({ status: 0 }));
    late.push(performance.now() - dueAt);
    if (status !== 200 && status !== 204) failed += 1;
  };
  const startedAt = performance.now();
  const calls = Array.from({ length: count }, async (_, index) => {
    const { to, voice, status } = numbers[index % NUMBERS] as (typeof numbers)[number];
    const CallSid = newSid("CA");
    const told = { CallSid, CallStatus: "completed", CallDuration: "42" };
    const dueAt = startedAt + (index / CALLS_PER_SECOND) * 1_000;
    await pause(Math.max(1, dueAt - 500 - performance.now()));
    const begin = await signedCall(account, to, voice, urls.worker, { CallSid });
    const end = await signedCall(account, to, status, urls.worker, told);
    for (const [request, at] of [
      [begin, dueAt],
      [end, dueAt + 1_000 / CALLS_PER_SECOND / 2],
    ] as const) {
      await pause(Math.max(1, at - performance.now()));
      await ask(at, request);
    }
    return CallSid;
  });
  const sids = await Promise.all(calls);
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  const until = performance.now() + PATIENCE_MS;
  while ((await customers.count()) < 2 * count && performance.now() < until) await pause(100);
  const arrived = new Set((await customers.take()).map(([what]) => what));
  const events = sids.flatMap((sid) => [`${sid}/call.started`, `${sid}/call.completed`]);
  const listed = JSON.parse(
    await sendExpecting(200, page(urls.worker, bearer, "status=completed&direction=inbound&limit=1")),
  );
  const all = JSON.parse(await sendExpecting(200, page(urls.worker, bearer, "limit=1")));
  // A filtered count is exact to 10,000.
  const missing = count - Math.min(all.count, listed.count_is_minimum ? all.count : listed.count);
  return {
    count,
    seconds,
    late,
    lost: failed + missing + events.filter((event) => !arrived.has(event)).length,
  };
}

const page = (origin: string, bearer: string, query: string): HttpRequest => ({
  url: `${origin}/v1/calls?${query}`,
  method: "GET",
  headers: { authorization: `Bearer ${bearer}` },
});

/** A key with so many calls in so many parts. @returns measures its first page */
async function filledKey({ urls, secrets, twilio }: Systems, count: number, parts: number) {
  const admin = { authorization: `Bearer ${secrets.ADMIN_TOKEN}`, "content-type": "application/json" };
  const { importNumber, bearer } = await createCustomer(urls.worker, secrets.ADMIN_TOKEN);
  const [keyId = ""] = bearer.split(":");
  const account = await twilio.addAccount();
  const [number] = await twilio.addNumbers(account, 1);
  if (!number) throw new Error("Twilio has no number");
  await importNumber(account, number);
  if (parts > 1) {
    const body = JSON.stringify({ call_log_parts: parts });
    const url = `${urls.worker}/v1/keys/${keyId}`;
    await sendExpecting(200, { url, method: "PATCH", headers: admin, body });
  }
  // A first call in each part, whose row is copied.
  const voice = await twilio.urlOf(number.sid, "voice_url");
  const first = parts === 1 ? 0 : 1;
  for (let part = first; part < first + parts; part += 1) {
    let CallSid = newSid("CA");
    while (partOf("call_log", CallSid, parts) !== part) CallSid = newSid("CA");
    await sendExpecting(200, await signedCall(account, number.phone_number, voice, urls.worker, { CallSid }));
    const object = await sha256(`call-log/${keyId}${part === 0 ? "" : `/${part}`}`);
    for (let from = 1; from < count / parts; from += FILLED_AT_ONCE) {
      const to = Math.min(from + FILLED_AT_ONCE, count / parts) - 1;
      await filled(`${urls.worker}/fill?object=${object}&from=${from}&to=${to}`);
    }
  }
  const { count: found } = JSON.parse(await sendExpecting(200, page(urls.worker, bearer, "limit=50")));
  if (found !== count) throw new Error(`${found} and not ${count} calls are listed`);
  return async () => {
    const times: number[] = [];
    for (let index = 0; index < PAGES_PER_ROUND; index += 1) {
      const startedAt = performance.now();
      await sendExpecting(200, page(urls.worker, bearer, "limit=50"));
      times.push(performance.now() - startedAt);
    }
    return median(times);
  };
}

/** A call is logged after Twilio has its answer. */
async function filled(url: string): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const { status } = await send({ url, method: "GET" });
    if (status === 204) return;
    await pause(50);
  }
  throw new Error("the log has no call to copy");
}
