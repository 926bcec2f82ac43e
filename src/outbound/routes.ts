import { Hono } from "hono/tiny";
import type { AppContext, AppEnv } from "../http/context.ts";
import { IDEMPOTENCY_HEADER } from "../http/idempotency.ts";
import { requireJson, validateJson } from "../http/json-body.ts";
import { requestServices } from "../services.ts";
import { withSender } from "./beside.ts";
import { placeCall } from "./place.ts";
import { type CallBody, callBody, textBody } from "./schema.ts";
import type { SendRequest } from "./sender.ts";
import { sendText } from "./text.ts";

export const calls = new Hono<AppEnv>()
  .post("/", withSender(callBody), requireJson, validateJson(callBody), (c) => place(c, c.req.valid("json")))
  .post("/outbound", withSender(callBody), requireJson, validateJson(callBody), (c) =>
    place(c, c.req.valid("json")),
  );

export const texts = new Hono<AppEnv>().post(
  "/",
  withSender(textBody),
  requireJson,
  validateJson(textBody),
  async (c) => {
    const body = c.req.valid("json");
    const { sid, from } = await sendText(body, requestOf(c), requestServices(c));
    return c.json({ message_id: sid, status: "queued", to: body.to, from }, 201);
  },
);

async function place(c: AppContext, body: CallBody): Promise<Response> {
  const { sid, from } = await placeCall(body, requestOf(c), requestServices(c));
  return c.json(
    { call_id: sid, status: "initiated", to: body.to_number, from, agent_id: body.agent_id },
    201,
  );
}

function requestOf(c: AppContext): SendRequest {
  return {
    apiKeyId: c.get("apiKeyId"),
    idempotencyKey: c.req.header(IDEMPOTENCY_HEADER),
    beside: c.get("beside"),
  };
}
