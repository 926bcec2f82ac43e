import { expect, vi } from "vitest";
import type { NumberResource } from "../twilio-simulator/resource.ts";
import { createSimulator, type Simulator } from "../twilio-simulator/simulator.ts";
import { openEcho, openFromWorker } from "../twilio-simulator/sockets.ts";
import { type Account, addAccount, addNumber } from "../twilio-simulator/state.ts";
import { customerAt, startCustomers } from "./customer.ts";
import { keepSecret } from "./logs.ts";
import { askModel, MODEL_URL, startModel } from "./model.ts";
import { BASE, send } from "./worker.ts";

const TWILIO = [
  "https://api.twilio.com",
  "https://api.dublin.ie1.twilio.com",
  "https://api.sydney.au1.twilio.com",
  "https://messaging.twilio.com",
  "https://messaging.dublin.ie1.twilio.com",
  "https://routes.twilio.com",
  "https://webhooks.twilio.com",
];

let serve: (request: Request) => Promise<Response> = send;

/** What serves the webhooks that Twilio calls in this test; by default the Worker. */
export function serveWebhooks(by: typeof serve): void {
  serve = by;
}

/** The Twilio of the running test. */
export let twilio: Simulator;

let strangers: string[] = [];

/** A new Twilio behind `fetch`, and no other host. */
export function startTwilio(): void {
  strangers = [];
  serve = send;
  startCustomers();
  startModel();
  twilio = createSimulator(
    async (request) => {
      if (new URL(request.url).origin === BASE) return serve(request);
      return new Response("<Response><Say>The owner's own system</Say></Response>", {
        headers: { "content-type": "text/xml" },
      });
    },
    async (url, headers) => {
      const { host } = new URL(url);
      if (host === "runtime.example") return openEcho(url, headers);
      if (host === new URL(BASE).host) return openFromWorker(send)(url, headers);
      throw new Error("no such host");
    },
  );
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const request = new Request(input, init);
    const { origin } = new URL(request.url);
    const customer = customerAt(origin);
    if (customer) return customer(request);
    if (request.url.startsWith(MODEL_URL)) return inTime(askModel(request), init?.signal);
    if (!TWILIO.includes(origin)) {
      strangers.push(origin);
      throw new TypeError("no such host");
    }
    try {
      return await twilio.fetch(request);
    } catch {
      throw init?.signal?.aborted ? init.signal.reason : new TypeError("Network connection lost.");
    }
  });
}

export function checkRequests(): void {
  expect(twilio.wrongRequests, "a request to Twilio is wrong, or nobody has looked at it").toEqual([]);
  expect(strangers, "a request went to a host other than Twilio").toEqual([]);
}

/** As a real fetch: whoever gives up hears nothing more. */
function inTime(answer: Promise<Response>, signal: AbortSignal | null | undefined): Promise<Response> {
  return new Promise((resolve, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason));
    answer.then(resolve, reject);
  });
}

/** An account at Twilio with one number. Its token must not appear in a log line of this test. */
export function haveNumber(fields: Partial<NumberResource> = {}, account: Partial<Account> = {}) {
  const owner = addAccount(twilio.state, account);
  keepSecret(owner.authToken);
  const number = addNumber(twilio.state, owner, { phone_number: "+447446466847", ...fields });
  return { account: owner, number };
}

const BESIDE: readonly string[] = ["routing", "webhook_rules", "webhook_settings", "webhook_shared_keys"];

/** The operations that Twilio received, in order; reads that go beside others, aside. */
export function operations(): string[] {
  return twilio.state.requests
    .map(({ operation }) => operation)
    .filter((operation) => !BESIDE.includes(operation));
}
