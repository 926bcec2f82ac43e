import { createApi, operationOf } from "./api.ts";
import { createCaller } from "./caller.ts";
import { createConcurrencyLimit } from "./concurrency.ts";
import { ConnectionReset, createFaults, type Effect, type Faults } from "./faults.ts";
import { createState, type Operation, type State } from "./state.ts";

export type Simulator = {
  state: State;
  faults: Faults;
  /**
   * Twilio's REST API.
   *
   * @throws ConnectionReset if a fault drops the connection
   */
  fetch: (request: Request) => Promise<Response>;
  /** Carries out the late requests now. */
  finishLate: () => Promise<void>;
  ring: ReturnType<typeof createCaller>["ring"];
  text: ReturnType<typeof createCaller>["text"];
};

/**
 * A simulated Twilio, in memory.
 *
 * @param webhookFetch sends the requests to the numbers' webhooks
 */
export function createSimulator(webhookFetch: (request: Request) => Promise<Response>): Simulator {
  const state = createState();
  const faults = createFaults();
  const api = createApi(state);
  const limited = createConcurrencyLimit(state);
  let late: { request: Request; requests: number }[] = [];
  const answer = async (request: Request) => {
    const response = await api.fetch(request);
    const due = late.filter((entry) => --entry.requests < 0);
    late = late.filter((entry) => !due.includes(entry));
    for (const entry of due) await api.fetch(entry.request);
    return response;
  };

  return {
    state,
    faults,
    ...createCaller(state, webhookFetch),
    fetch: (request) => limited(request, () => handle(request)),
    async finishLate() {
      const due = late;
      late = [];
      for (const { request } of due) await api.fetch(request);
    },
  };

  async function handle(request: Request): Promise<Response> {
    const operation = operationOf(request);
    const effect = operation && faults.take(operation);
    if (!operation || !effect) return answer(request);
    if (effect.kind === "late") {
      late.push({ request: request.clone() as Request, requests: effect.requests });
      if (effect.answer === undefined) return aborted(request.signal);
      if (effect.answer === "reset") throw new ConnectionReset();
      return new Response("<html>", { status: effect.answer });
    }
    return befall(effect, request, answer, state, operation);
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
