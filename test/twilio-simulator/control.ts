import { type Context, Hono } from "hono";
import { type Effect, effects, type Fault } from "./faults.ts";
import { REGIONS } from "./regions.ts";
import type { NumberResource } from "./resource.ts";
import type { Simulator } from "./simulator.ts";
import { addAccount, addNumber, OPERATIONS } from "./state.ts";

/** Long enough for an agent to end the call by itself, or to put its caller through. */
const LINGER_MS = 1_000;

/** The endpoints that stand for Twilio's Console and the telephone network: look, change, ring, text, break. */
export function createControl(simulator: Simulator): Hono {
  const { state, faults } = simulator;
  const control = new Hono();

  control.get("/", (c) =>
    c.json({
      accounts: [...state.accounts.values()],
      numbers: [...state.numbers.values()],
      requests: state.requests,
    }),
  );

  // {"region"?, "sid"?, "authToken"?, "ownerSid"?, "maxConcurrentRequests"?}
  control.post("/accounts", async (c) => {
    const { region, ...account } = await c.req.json();
    return c.json(addAccount(stateIn(region), account), 201);
  });

  // {"region"?, "account_sid", "phone_number", …any field of the resource}
  control.post("/numbers", async (c) => {
    const { region, ...fields } = await c.req.json<
      { region?: string } & Partial<NumberResource> & Pick<NumberResource, "phone_number" | "account_sid">
    >();
    const account = stateIn(region).accounts.get(fields.account_sid);
    if (!account) throw new Error("no such account");
    return c.json(addNumber(stateIn(region), account, fields), 201);
  });

  // {"phone_number", "region": "us1" | "ie1" | "au1"}: from now on this Region handles its calls
  control.post("/routes", async (c) => {
    const { phone_number, region } = await c.req.json();
    stateIn(region);
    state.voiceRegions.set(phone_number, region);
    return c.json({ ok: true }, 201);
  });

  // {"phone_number", "from"?, "say"?: ["…", {"say"? | "digits"? | "silent"?, "interrupts"?}, …], "isReachable"?}
  control.post("/ring", async (c) => {
    const { phone_number, ...party } = await c.req.json();
    const rung = await simulator.ring(phone_number, { lingerMs: LINGER_MS, ...party });
    return told(c, rung, ["answeredBy", "answer", "dialled", "conversation"]);
  });
  // {"phone_number", "from"?, "body"?}
  control.post("/text", async (c) => {
    const { phone_number, ...party } = await c.req.json();
    return told(c, await simulator.text(phone_number, party), ["answeredBy", "twiml"]);
  });

  // {"answers"?: "human" | "machine" | "busy" | "no-answer" | "failed" | "canceled", "say"?: […]}: connects the calls that wait
  control.post("/dial", async (c) =>
    c.json(await simulator.dial({ lingerMs: LINGER_MS, ...(await c.req.json()) })),
  );
  // {"status"?: "delivered" | "undelivered" | "failed", "errorCode"?}: what becomes of the texts that were sent
  control.post("/deliver", async (c) => c.json(await simulator.deliverTexts(await c.req.json())));

  // {"effect": <name of an effect> | {…}, "operation"?, "after"?, "times"?: a number, or null for every one}
  control.post("/faults", async (c) => {
    const fault = await c.req.json<Omit<Fault, "effect"> & { effect: string | Effect }>();
    const effect = typeof fault.effect === "string" ? namedEffect(fault.effect) : fault.effect;
    if (fault.operation !== undefined && !OPERATIONS.includes(fault.operation)) {
      throw new Error(`no such operation; use one of ${OPERATIONS.join(", ")}`);
    }
    faults.add({ ...fault, effect });
    return c.json({ ok: true }, 201);
  });
  control.delete("/faults", (c) => {
    faults.clear();
    return c.json({ ok: true });
  });

  function stateIn(name = "us1") {
    const region = REGIONS.find((known) => known === name);
    if (!region) throw new Error(`no such Region; use one of ${REGIONS.join(", ")}`);
    return simulator.regions[region];
  }

  control.onError((error, c) => c.json({ error: error.message }, 400));
  return control;
}

/** These of what came of it, without empty ones; all, also the TwiML and every request, with ?verbose=1. */
function told<Came extends object>(
  c: Context,
  came: Came,
  names: readonly (keyof Came & string)[],
): Response {
  const brief = Object.fromEntries(
    names.map((name) => [name, came[name]]).filter(([, value]) => String(value ?? "") !== ""),
  );
  const shown = c.req.query("verbose") === undefined ? brief : came;
  return c.body(JSON.stringify(shown, null, 2), 200, { "content-type": "application/json" });
}

function namedEffect(name: string): Effect {
  const named = Object.entries(effects).filter(
    (entry): entry is [string, Effect] => typeof entry[1] !== "function",
  );
  const effect = new Map(named).get(name);
  if (!effect) throw new Error(`no such effect; use one of ${named.map(([known]) => known).join(", ")}`);
  return effect;
}
