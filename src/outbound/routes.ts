import { Hono } from "hono/tiny";
import { ownerOf } from "../api-keys/permission.ts";
import { withApiKey } from "../api-keys/with-api-key.ts";
import type { AppContext, AppEnv } from "../http/context.ts";
import { idempotencyKeyOf } from "../http/idempotency.ts";
import { parseObject } from "../http/json.ts";
import { requireJson, validateJson } from "../http/json-body.ts";
import { limitSending } from "../http/rate-limit.ts";
import { readBody } from "../http/read-body.ts";
import { requestServices } from "../services.ts";
import { placeCall } from "./place.ts";
import { type CallBody, callBody, type TextBody, textBody } from "./schema.ts";
import { type SendRequest, senderOf } from "./sender.ts";
import { selectSender } from "./store.ts";
import { sendText } from "./text.ts";

// A call waits for as few trips to D1 as can be: what it needs is read in the one that finds the API key. For that the
// body is read before it is known who sends it. It says nothing but what to look for, and what is found counts only if
// the key is right.

/** Bodies of other sizes, and those that do not say theirs, are read later: then it takes one trip more. */
const MAX_BYTES = 64 * 1024;

/** `withApiKey` for an endpoint whose body names an agent and perhaps a number to send from. */
const withApiKeyAndSender = (schema: typeof callBody | typeof textBody) =>
  withApiKey(
    "number",
    async (c, apiKeyId) => {
      const body = schema.safeParse(await peekJson(c));
      return body.success
        ? selectSender(c.env.DB, { apiKeyId, externalId: null }, body.data.agent_id, body.data.from_number)
        : [];
    },
    limitSending,
  );

export const calls = new Hono<AppEnv>()
  .post("/", withApiKeyAndSender(callBody), requireJson, validateJson(callBody, withSender), (c) =>
    place(c, c.req.valid("json")),
  )
  .post("/outbound", withApiKeyAndSender(callBody), requireJson, validateJson(callBody, withSender), (c) =>
    place(c, c.req.valid("json")),
  );

export const texts = new Hono<AppEnv>().post(
  "/",
  withApiKeyAndSender(textBody),
  requireJson,
  validateJson(textBody, withSender),
  async (c) => {
    const body = c.req.valid("json");
    const { sid, from } = await sendText(body, requestOf(c), requestServices(c));
    return c.json({ message_id: sid, status: "queued", to: body.to, from }, 201);
  },
);

/** What would be sent, with the number that it would come from. @throws ApiError the faults of agent and number */
async function withSender<Body extends CallBody | TextBody>(body: Body, c: AppContext): Promise<Body> {
  const to = "to" in body ? body.to : body.to_number;
  const { phoneNumber } = await senderOf(body, to, requestOf(c), requestServices(c));
  return { ...body, from_number: phoneNumber };
}

async function place(c: AppContext, body: CallBody): Promise<Response> {
  const { sid, from } = await placeCall(body, requestOf(c), requestServices(c));
  return c.json(
    { call_id: sid, status: "initiated", to: body.to_number, from, agent_id: body.agent_id },
    201,
  );
}

function requestOf(c: AppContext): SendRequest {
  return {
    ...ownerOf(c),
    idempotencyKey: idempotencyKeyOf(c),
    prefetched: c.get("prefetched"),
  };
}

/** The body, if it is JSON; whoever reads it after us finds it as it came. */
async function peekJson(c: AppContext): Promise<unknown> {
  const announced = Number(c.req.header("content-length"));
  if (!(announced > 0 && announced <= MAX_BYTES)) return undefined;
  const body = await readBody(c.req.raw, { maxBytes: MAX_BYTES });
  c.req.raw = new Request(c.req.raw, { body });
  return parseObject(new TextDecoder().decode(body));
}
