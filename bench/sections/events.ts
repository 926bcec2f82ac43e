import { setTimeout as pause } from "node:timers/promises";
import { sign } from "../../src/twilio/signature.ts";
import { newSid } from "../../test/twilio-simulator/state.ts";
import { closeConnections, type HttpRequest, send } from "../measure/http.ts";
import { cpuMs } from "../measure/process.ts";
import { atOnce, inTurn } from "../measure/rounds.ts";
import { quantile } from "../measure/statistics.ts";
import type { Options } from "../options.ts";
import { row, type SectionReport } from "../report.ts";
import type { CustomerCommands } from "../systems/customers-process.ts";
import { createCustomer, startSystems } from "../systems/systems.ts";
import { startHelper, type TwilioAccount } from "../systems/twilio.ts";
import { PUBLIC_BASE_URL } from "../systems/workerd.ts";

/** One customer is texted on many numbers, many customers on one each. */
const NUMBERS = 60;
const IN_FLIGHT = 64;
/** How long to wait for what was sent to arrive. */
const PATIENCE_MS = 120_000;
const STEADY_PER_SECOND = 100;
const SLOW_PER_SECOND = 300;

/** Events on their way to customers: how many, how late, and whether one customer's server delays another's. */
export async function measureEvents({ rounds, quick }: Options): Promise<SectionReport> {
  const few = quick ? 1 : Math.min(rounds, 3);
  const [some, count, hanging, seconds] = quick ? [50, 500, 500, 3] : [1_000, 3_000, 5_000, 10];
  const steady = { perSecond: STEADY_PER_SECOND, seconds };
  const customers = await startHelper<CustomerCommands>("bench/systems/customers-process.ts");
  const system = await startSystem(customers.url);
  const fast = await system.textsTo("fast", some, 1);

  // Each customer gets its first text, with which an outbox and a webhook secret are made.
  await throughput(system, customers, fast, some);
  const taken = await repeat(few, () => throughput(system, customers, fast, count));
  const alone = await repeat(few, () => delays(system, customers, fast, steady));
  const slow = await delays(system, customers, await system.textsTo("slow", 1, NUMBERS), {
    perSecond: SLOW_PER_SECOND,
    seconds,
  });
  // One customer's server hangs, and so many events wait for it.
  const hung = await signedTexts(await system.textsTo("hang", 1, NUMBERS), hanging);
  await atOnce(hung, IN_FLIGHT, system.sendText);
  const beside = await repeat(few, () => delays(system, customers, fast, steady));
  await system.close();
  customers.close();

  const p99 = (measured: Delays[]) => measured.map(({ late }) => quantile(late, 0.99));
  const each = (part: keyof Throughput) => taken.map((result) => result[part]);
  const hangs = `p99 from Twilio to a customer, ${STEADY_PER_SECOND} a second, while another's server hangs with ${hanging} events`;
  const taking = `each of ${count} events of ${some} customers, as fast as they are taken`;
  const last = `${SLOW_PER_SECOND} a second to one webhook that takes 100 ms: until the last is delivered`;
  return {
    title: "Events",
    rows: [
      row(taking, "ms", each("wallMs"), "its time on a core", each("cpuMs")),
      row(hangs, "ms", p99(beside), "without", p99(alone)),
      row(last, "s", [slow.seconds], "while they are sent", [slow.offeredSeconds], 1.05),
    ],
    notes: [
      `${system.retries()} texts were sent twice, because their connection broke; every event arrived.`,
    ],
  };
}

type Load = { perSecond: number; seconds: number };
type Message = [sid: string, request: HttpRequest];
type NextText = () => Promise<Message>;
type System = Awaited<ReturnType<typeof startSystem>>;

/** The Worker, and customers whose numbers can be texted. */
async function startSystem(customersUrl: string) {
  const { twilio, urls, secrets, pid, close } = await startSystems({}, { ALLOW_LOCAL_WEBHOOKS: "true" });
  let retries = 0;

  /** New customers whose servers behave so, and texts to one of their numbers after the other. */
  async function textsTo(
    kind: "fast" | "slow" | "hang",
    count: number,
    numbersEach: number,
  ): Promise<NextText> {
    const targets: [account: TwilioAccount, url: string][] = [];
    await atOnce(Array(count).fill(0), 8, async () => {
      const settings = { webhook_url: `${customersUrl}/${kind}` };
      const { importNumber } = await createCustomer(urls.worker, secrets.ADMIN_TOKEN, settings);
      const account = await twilio.addAccount();
      for (const number of await twilio.addNumbers(account, numbersEach)) {
        await importNumber(account, number);
        targets.push([account, await twilio.urlOf(number.sid, "sms_url")]);
      }
    });
    const next = inTurn(targets);
    return () => signedText(...next(), urls.worker);
  }

  /** As Twilio does if a connection breaks. What comes twice is one event. */
  async function sendText([, request]: Message): Promise<void> {
    const { status, body } = await send(request).catch(() => {
      retries += 1;
      return send(request);
    });
    if (status !== 200) throw new Error(`a text was answered with ${status}: ${body.slice(0, 200)}`);
  }
  return { textsTo, sendText, retries: () => retries, pid, close };
}

async function signedText({ sid, authToken }: TwilioAccount, url: string, origin: string): Promise<Message> {
  const message = newSid("SM");
  const form = new URLSearchParams({
    AccountSid: sid,
    MessageSid: message,
    From: "+14158675309",
    Body: "Are you open today?",
  });
  const headers = {
    "content-type": "application/x-www-form-urlencoded",
    "x-twilio-signature": await sign(authToken, url, form),
  };
  return [message, { url: url.replace(PUBLIC_BASE_URL, origin), headers, body: form.toString() }];
}

async function signedTexts(next: NextText, count: number): Promise<Message[]> {
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
async function throughput(
  system: System,
  customers: Customers,
  next: NextText,
  count: number,
): Promise<Throughput> {
  const messages = await signedTexts(next, count);
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
  next: NextText,
  { perSecond, seconds }: Load,
): Promise<Delays> {
  const messages = await signedTexts(next, perSecond * seconds);
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

async function repeat<Measured>(rounds: number, work: () => Promise<Measured>): Promise<Measured[]> {
  const measured: Measured[] = [];
  for (let round = 0; round < rounds; round += 1) measured.push(await work());
  return measured;
}
