import { Hono } from "hono";
import { authenticate } from "../api-keys/authenticate.ts";
import { eventServices } from "../events/services.ts";
import type { AppContext, AppEnv } from "../http/context.ts";
import { requireJson, validateJson } from "../http/json-body.ts";
import type { ImportServices } from "./claim.ts";
import { type ImportedNumber, importNumber } from "./import.ts";
import { importBody } from "./schema.ts";

export const phoneNumbers = new Hono<AppEnv>().post(
  "/",
  authenticate,
  requireJson,
  validateJson(importBody),
  async (c) => {
    const body = c.req.valid("json");
    c.get("log").conceal(body.twilio_token);
    const services = importServices(c);
    const work = importNumber(body, c.get("apiKeyId"), services);
    // A caller who hangs up does not stop the import half-way: the runtime lets it finish.
    services.defer(work.catch(() => undefined));
    return c.json({ phone_number: serialise(await work) }, 201);
  },
);

function importServices(c: AppContext): ImportServices {
  const { publicBaseUrl, twilioApiBaseUrl, twilioTimeoutMs } = c.get("config");
  return {
    ...eventServices(c),
    twilio: { baseUrl: twilioApiBaseUrl, timeoutMs: twilioTimeoutMs },
    publicBaseUrl,
    defer: (work) => c.executionCtx.waitUntil(work),
  };
}

/** A number that was just imported takes and makes calls until its owner says otherwise. */
function serialise({ phoneNumber, agentId, twilioNumberSid }: ImportedNumber) {
  return {
    phone_number: phoneNumber,
    agent_id: agentId,
    twilio_number_sid: twilioNumberSid,
    inbound_enabled: true,
    outbound_enabled: true,
  };
}
