import { setTimeout as pause } from "node:timers/promises";
import { sign } from "../../src/twilio/signature.ts";
import { newSid } from "../../test/twilio-simulator/state.ts";
import { closeConnections, type HttpRequest, send } from "../measure/http.ts";
import { cpuMs } from "../measure/process.ts";
import { alternate, atOnce, inTurn } from "../measure/rounds.ts";
import { quantile } from "../measure/statistics.ts";
import type { Options } from "../options.ts";
import { row, type SectionReport } from "../report.ts";
import { deployable, deployableOf } from "../systems/bundles.ts";
import type { CustomerCommands } from "../systems/customers-process.ts";
import { type SeededAccount, seed } from "../systems/seed.ts";
import { startHelper } from "../systems/twilio.ts";
import { deployed, module, PUBLIC_BASE_URL, startWorkerd } from "../systems/workerd.ts";

const CUSTOMERS = 1_000;
const NUMBERS_EACH = 60;
const IN_FLIGHT = 64;
const FORMER = "the version before outboxes";
/** How long to wait for what was sent to arrive. */
const PATIENCE_MS = 120_000;
const HANGING_EVENTS = 5_000;
const STEADY = { perSecond: 100, seconds: 10 };
const SLOW = { perSecond: 300, seconds: 10 };

/** Events on their way to customers: how many, how late, and whether one customer's server delays another's. */
export async function measureEvents({ rounds, quick, before }: Options): Promise<SectionReport> {
  const customers = await startHelper<CustomerCommands>("bench/systems/customers-process.ts");
  const ours = await startSystem(customers.url, ".");
  const former = before === undefined ? undefined : await startSystem(customers.url, before);
  const few = quick ? 1 : Math.min(rounds, 3);
  const count = quick ? 500 : 3_000;
  const steady = { ...STEADY, seconds: quick ? 3 : STEADY.seconds };

  // Each customer gets its first event, with which an outbox and a webhook secret are made.
  for (const system of [ours, former]) if (system) await throughput(system, customers, CUSTOMERS);
  const taken: Record<string, Throughput[]> = await alternate<string, Throughput>(few, {
    ours: () => throughput(ours, customers, count),
    ...(former && { former: () => throughput(former, customers, count) }),
  });
  await former?.close();
  const alone = await repeat(few, () => delays(ours, customers, steady, "fast"));
  const slow = await delays(ours, customers, { ...SLOW, seconds: quick ? 3 : SLOW.seconds }, "slow");
  await hang(ours, quick ? 500 : HANGING_EVENTS);
  const beside = await repeat(few, () => delays(ours, customers, steady, "fast"));
  await ours.close();
  customers.close();

  const p99 = (measured: Delays[]) => measured.map(({ late }) => quantile(late, 0.99));
  const third = slow.late.length / 3;
  const of = (name: string, part: keyof Throughput) => (taken[name] ?? []).map((result) => result[part]);
  const taking = `each of ${count} events of ${CUSTOMERS} customers, as fast as they are taken`;
  return {
    title: "Events",
    rows: [
      row(taking, "ms", of("ours", "wallMs"), FORMER, of("former", "wallMs"), 0.5),
      row("the same in time on a core", "ms", of("ours", "cpuMs"), FORMER, of("former", "cpuMs")),
      row(
        `p99 from Twilio to a customer, ${STEADY.perSecond} a second, while another's server hangs with ${HANGING_EVENTS} events waiting`,
        "ms",
        p99(beside),
        "without",
        p99(alone),
        1.2,
      ),
      row(
        `${SLOW.perSecond} events a second to one webhook that takes 100 ms: until the last is delivered`,
        "s",
        [slow.seconds],
        "while they are sent",
        [slow.offeredSeconds],
        1.05,
      ),
      row(
        "the same: p99 from Twilio to the customer, of the last third",
        "ms",
        [quantile(slow.late.slice(-third), 0.99)],
        "of the first third",
        [quantile(slow.late.slice(0, third), 0.99)],
      ),
    ],
    notes: [
      `${ours.retries()} texts were sent a second time, because their connection broke; every event arrived.`,
    ],
  };
}

type Message = [sid: string, request: HttpRequest];

type System = {
  texts: Record<"fast" | "slow" | "hang", () => Promise<Message>>;
  sendText: (message: Message) => Promise<void>;
  retries: () => number;
  pid: number;
  close: () => Promise<void>;
};

/** The Worker of a checkout, with customers whose numbers can be texted. */
async function startSystem(customersUrl: string, directory: string): Promise<System> {
  // Nothing here asks Twilio.
  const { options, secrets } = deployed("http://127.0.0.1:9", { directory });
  const code = directory === "." ? deployable("src/index.ts").code : deployableOf(directory);
  const bindings = { ...options.bindings, ALLOW_LOCAL_WEBHOOKS: "true" };
  const worker = { ...options, bindings, modules: [module("index.js", code)] };
  const { d1, urls, miniflare, pid } = await startWorkerd("worker", { worker }, { directory });
  const accounts = await seed(
    {
      d1,
      encryptionKeys: secrets.TOKEN_ENCRYPTION_KEYS,
      urlOf: (key) => `${customersUrl}/${key < CUSTOMERS ? "fast" : key === CUSTOMERS ? "slow" : "hang"}`,
    },
    { keys: CUSTOMERS + 2, accountsPerKey: 1, numbersPerAccount: NUMBERS_EACH },
  );
  /** Texts to one number after the other. Many customers are texted on one number each, one customer on all of them. */
  const textsTo = (some: readonly SeededAccount[]) => {
    const numbersOf = (account: SeededAccount) =>
      account.numbers.slice(0, some.length > 1 ? 1 : NUMBERS_EACH);
    const next = inTurn(
      some.flatMap((account) => numbersOf(account).map(({ id }) => [account, id] as const)),
    );
    return () => signedText(...next(), urls.worker);
  };
  let retries = 0;
  return {
    texts: {
      fast: textsTo(accounts.slice(0, CUSTOMERS)),
      slow: textsTo(accounts.slice(CUSTOMERS, CUSTOMERS + 1)),
      hang: textsTo(accounts.slice(CUSTOMERS + 1)),
    },
    async sendText([, request]) {
      // As Twilio does if a connection breaks. What comes twice is one event.
      const { status, body } = await send(request).catch(() => {
        retries += 1;
        return send(request);
      });
      if (status !== 200) throw new Error(`a text was answered with ${status}: ${body.slice(0, 200)}`);
    },
    retries: () => retries,
    pid,
    close: () => miniflare.dispose(),
  };
}

async function signedText({ sid, authToken }: SeededAccount, id: string, origin: string): Promise<Message> {
  const message = newSid("SM");
  const path = `/webhooks/twilio/${id}/sms`;
  const form = new URLSearchParams({
    AccountSid: sid,
    MessageSid: message,
    From: "+14158675309",
    Body: "Are you open today?",
  });
  const headers = {
    "content-type": "application/x-www-form-urlencoded",
    "x-twilio-signature": await sign(authToken, PUBLIC_BASE_URL + path, form),
  };
  return [message, { url: origin + path, headers, body: form.toString() }];
}

async function signedTexts(next: () => Promise<Message>, count: number): Promise<Message[]> {
  const messages = await Promise.all(Array.from({ length: count }, next));
  closeConnections();
  return messages;
}

type Customers = Awaited<ReturnType<typeof startHelper<CustomerCommands>>>;

async function arrived(customers: Customers, count: number): Promise<void> {
  const until = performance.now() + PATIENCE_MS;
  while ((await customers.count()) < count) {
    if (performance.now() > until) throw new Error(`${await customers.count()} of ${count} events arrived`);
    await pause(10);
  }
}

/** Milliseconds for each event, on the clock and on a core of workerd. */
type Throughput = { wallMs: number; cpuMs: number };

/** From the first text until the last event is delivered. */
async function throughput(system: System, customers: Customers, count: number): Promise<Throughput> {
  const messages = await signedTexts(system.texts.fast, count);
  await customers.take();
  const startedAt = performance.now();
  const before = cpuMs(system.pid);
  await atOnce(messages, IN_FLIGHT, system.sendText);
  await arrived(customers, count);
  const wallMs = (performance.now() - startedAt) / count;
  return { wallMs, cpuMs: (cpuMs(system.pid) - before) / count };
}

type Delays = { late: number[]; seconds: number; offeredSeconds: number };

/** How late each event of a steady load is at its customer, in the order in which they were sent. */
async function delays(
  system: System,
  customers: Customers,
  { perSecond, seconds }: { perSecond: number; seconds: number },
  kind: "fast" | "slow",
): Promise<Delays> {
  const messages = await signedTexts(system.texts[kind], perSecond * seconds);
  await customers.take();
  const startedAt = Date.now();
  const sendings = messages.map(async (message, index) => {
    const dueAt = startedAt + (index / perSecond) * 1000;
    await pause(dueAt - Date.now());
    await system.sendText(message);
    return dueAt;
  });
  const dueAt = await Promise.all(sendings);
  await arrived(customers, messages.length);
  const at = new Map(await customers.take());
  const late = messages.map(([sid], index) => (at.get(sid) ?? Number.NaN) - (dueAt[index] ?? Number.NaN));
  return { late, seconds: (Math.max(...at.values()) - startedAt) / 1000, offeredSeconds: seconds };
}

/** One customer's server hangs, and so many events wait for it. */
async function hang(system: System, count: number): Promise<void> {
  await atOnce(await signedTexts(system.texts.hang, count), IN_FLIGHT, system.sendText);
}

async function repeat<Measured>(rounds: number, work: () => Promise<Measured>): Promise<Measured[]> {
  const measured: Measured[] = [];
  for (let round = 0; round < rounds; round += 1) measured.push(await work());
  return measured;
}
