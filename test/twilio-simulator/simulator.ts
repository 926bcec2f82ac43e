import { createApi, operationOf } from "./api.ts";
import { createCaller } from "./caller.ts";
import { createConcurrencyLimit } from "./concurrency.ts";
import { createNetwork } from "./dial.ts";
import { ConnectionReset, createFaults, type Effect, type Faults } from "./faults.ts";
import { createRegions, REGIONS, type Region, regionOfHost, voiceRegionOf } from "./regions.ts";
import type { OpenSocket } from "./relay.ts";
import { faultsOf } from "./requests.ts";
import type { Operation, State } from "./state.ts";

export type Simulator = {
  /** What Twilio knows in US1. */
  state: State;
  /** What Twilio knows in each Region. */
  regions: Record<Region, State>;
  faults: Faults;
  /** What is wrong with the requests that came, by Twilio's own document and by the list of those that may come. */
  wrongRequests: string[];
  /**
   * Twilio's REST API.
   *
   * @param region the Region to ask; the Region of the request's host by default
   * @throws ConnectionReset if a fault drops the connection
   */
  fetch: (request: Request, region?: Region) => Promise<Response>;
  /** Carries out the late requests now. */
  finishLate: () => Promise<void>;
  ring: ReturnType<typeof createCaller>["ring"];
  text: ReturnType<typeof createCaller>["text"];
  /** Connects the calls that wait, in all Regions. */
  dial: ReturnType<typeof createNetwork>["dial"];
  deliverTexts: ReturnType<typeof createNetwork>["deliverTexts"];
};

/**
 * A simulated Twilio, in memory.
 *
 * @param webhookFetch sends the requests to the numbers' webhooks
 */
export function createSimulator(
  webhookFetch: (request: Request) => Promise<Response>,
  openSocket: OpenSocket = () => Promise.reject(new Error("no such host")),
): Simulator {
  const regions = createRegions();
  const faults = createFaults();
  const wrongRequests: string[] = [];
  const apis = eachRegion((region) => createApi(regions[region], regions, webhookFetch));
  const limits = eachRegion((region) => createConcurrencyLimit(regions[region]));
  const callers = eachRegion((region) => createCaller(regions[region], webhookFetch, openSocket));
  const networks = eachRegion((region) => createNetwork(regions[region], webhookFetch, openSocket));
  let late: { request: Request; region: Region; requests: number }[] = [];
  const answerIn = (region: Region) => async (request: Request) => {
    const response = await apis[region].fetch(request);
    const due = late.filter((entry) => --entry.requests < 0);
    late = late.filter((entry) => !due.includes(entry));
    for (const entry of due) await apis[entry.region].fetch(entry.request);
    return response;
  };

  return {
    state: regions.us1,
    regions,
    faults,
    wrongRequests,
    ring: (phoneNumber, party) => callers[voiceRegionOf(regions, phoneNumber)].ring(phoneNumber, party),
    async dial(callee) {
      return (await Promise.all(REGIONS.map((region) => networks[region].dial(callee)))).flat();
    },
    async deliverTexts(fate) {
      return (await Promise.all(REGIONS.map((region) => networks[region].deliverTexts(fate)))).flat();
    },
    // Texts have their own routing: it is always US1 here.
    text: (phoneNumber, party) => callers.us1.text(phoneNumber, party),
    fetch: (request, region = regionOfHost(new URL(request.url).host)) =>
      limits[region](request, () => handle(request, region)),
    async finishLate() {
      const due = late;
      late = [];
      for (const { request, region } of due) await apis[region].fetch(request);
    },
  };

  async function handle(request: Request, region: Region): Promise<Response> {
    // By another name, as on a developer's machine, nobody looks at what is wrong.
    if (/\.twilio\.com$/.test(new URL(request.url).host)) wrongRequests.push(...(await faultsOf(request)));
    const answer = answerIn(region);
    const operation = operationOf(request);
    const effect = operation && faults.take(operation);
    if (!operation || !effect) return answer(request);
    if (effect.kind === "late") {
      late.push({ request: request.clone() as Request, region, requests: effect.requests });
      if (effect.answer === undefined) return aborted(request.signal);
      if (effect.answer === "reset") throw new ConnectionReset();
      return new Response("<html>", { status: effect.answer });
    }
    return befall(effect, request, answer, regions[region], operation);
  }
}

async function befall(
  effect: Exclude<Effect, { kind: "late" }>,
  request: Request,
  answer: (request: Request) => Promise<Response>,
  state: State,
  operation: Operation,
): Promise<Response> {
  const path = new URL(request.url).pathname;
  switch (effect.kind) {
    case "respond":
      state.requests.push({ operation, path, parameters: {} });
      return new Response(effect.body || null, { status: effect.status, headers: effect.headers ?? {} });
    case "reset":
      throw new ConnectionReset();
    case "reply_lost":
      await answer(request);
      throw new ConnectionReset();
    case "reply_replaced":
      await answer(request);
      return new Response(effect.body ?? null, { status: effect.status });
    case "hang":
      return aborted(request.signal);
    case "reply_hangs":
      await answer(request);
      return aborted(request.signal);
    case "slow":
      await new Promise((resolve) => setTimeout(resolve, effect.milliseconds));
      return answer(request);
    case "ignored": {
      const sid = /(PN[0-9a-fA-F]{32})\.json$/.exec(path)?.[1] ?? "";
      const before = structuredClone(state.numbers.get(sid));
      const response = await answer(request);
      if (!before) return response;
      state.numbers.set(sid, before);
      return Response.json(before);
    }
  }
}

/** Waits until the other side ends the request. */
function aborted(signal: AbortSignal): Promise<Response> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(new ConnectionReset());
    signal.addEventListener("abort", () => reject(new ConnectionReset()));
  });
}

function eachRegion<Value>(create: (region: Region) => Value): Record<Region, Value> {
  return Object.fromEntries(REGIONS.map((region) => [region, create(region)])) as Record<Region, Value>;
}
