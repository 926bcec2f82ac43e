import { Hono } from "hono";
import type { Fault } from "./faults.ts";
import { effects } from "./faults.ts";
import type { NumberResource } from "./resource.ts";
import type { Simulator } from "./simulator.ts";
import { addAccount, addNumber } from "./state.ts";

/** What Twilio's Console and the telephone network are to the real thing: look, change, ring, text, break. */
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

  // {"sid"?, "authToken"?, "ownerSid"?}
  control.post("/accounts", async (c) => c.json(addAccount(state, await c.req.json()), 201));

  // {"account_sid", "phone_number", …any field of the resource}
  control.post("/numbers", async (c) => {
    const fields = await c.req.json<
      Partial<NumberResource> & Pick<NumberResource, "phone_number" | "account_sid">
    >();
    const account = state.accounts.get(fields.account_sid);
    return account
      ? c.json(addNumber(state, account, fields), 201)
      : c.json({ error: "no such account" }, 404);
  });

  // {"phone_number", "from"?, "body"?}
  control.post("/ring", async (c) => {
    const { phone_number, ...party } = await c.req.json();
    return c.json(await simulator.ring(phone_number, party));
  });
  control.post("/text", async (c) => {
    const { phone_number, ...party } = await c.req.json();
    return c.json(await simulator.text(phone_number, party));
  });

  // {"effect": <name of an effect> | {…}, "operation"?, "after"?, "times"?}
  control.post("/faults", async (c) => {
    const fault = await c.req.json<Omit<Fault, "effect"> & { effect: string | Fault["effect"] }>();
    const effect = typeof fault.effect === "string" ? namedEffect(fault.effect) : fault.effect;
    if (!effect) return c.json({ error: "no such effect", effects: Object.keys(effects) }, 404);
    faults.add({ ...fault, effect });
    return c.json({ ok: true }, 201);
  });
  control.delete("/faults", (c) => {
    faults.clear();
    return c.json({ ok: true });
  });

  return control;
}

function namedEffect(name: string): Fault["effect"] | undefined {
  const effect = Object.hasOwn(effects, name) ? effects[name as keyof typeof effects] : undefined;
  return typeof effect === "function" ? undefined : effect;
}
