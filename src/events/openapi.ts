import * as z from "zod/mini";
import { answered, described, listAnswer, listQuery, type Reference, time } from "../http/operation.ts";
import { DEFAULT_LIMIT } from "../http/page.ts";
import type { DeliveryError } from "./delivery.ts";
import { EVENT_TYPES } from "./event.ts";
import { testBody } from "./schema.ts";
import { DELIVERY_STATES } from "./store.ts";

const EVENT_ID = `evt_${"1f0c77d2".repeat(4)}`;
const AGENT_ID = "agent_125207e452f8714a";
const SECRET = `nxws_${"c0ffee00".repeat(8)}`;
const TIME = "2026-01-31T12:00:00.000Z";

const DELIVERY_ERRORS = {
  http_error: true,
  timeout: true,
  network_error: true,
  no_webhook_url: true,
  unsafe_webhook_url: true,
  unreadable: true,
} satisfies Record<DeliveryError, true>;

const eventId = z.string().check(z.regex(/^evt_[0-9a-f]{32}$/));

const attempt = z.object({
  attempted_at: time("When the attempt was made"),
  http_status: answered(
    z.nullable(z.int()),
    "The status that your server answered; null if it did not.",
    204,
  ),
  error: answered(
    z.nullable(z.enum(Object.keys(DELIVERY_ERRORS))),
    "Why the event was not delivered; null if it was.",
  ),
  duration_ms: answered(z.int(), "How long the attempt took, in milliseconds.", 120),
});

const delivery = z
  .object({
    id: answered(eventId, "The id of the event. If the event is sent again, the id is the same.", EVENT_ID),
    event: answered(z.enum(EVENT_TYPES), "What happened.", "call.completed"),
    agent_id: answered(z.string(), "The agent. Its webhook_url receives the event.", AGENT_ID),
    state: answered(z.enum(DELIVERY_STATES), "`pending` until the event is `delivered` or has `failed`."),
    next_attempt_at: z.nullable(time("When the next attempt is made; null if there is none")),
    created_at: time("When it happened"),
    updated_at: time("When the state last changed"),
    attempts: answered(z.array(attempt), "The attempts so far, the oldest first."),
  })
  .check(z.meta({ id: "Delivery", description: "An event, and the attempts to send it to you." }));

const pending = {
  id: EVENT_ID,
  event: "webhook.test",
  agent_id: AGENT_ID,
  state: "pending",
  next_attempt_at: TIME,
  created_at: TIME,
  updated_at: TIME,
  attempts: [],
};

const delivered = {
  ...pending,
  event: "call.completed",
  state: "delivered",
  next_attempt_at: null,
  attempts: [{ attempted_at: TIME, http_status: 204, error: null, duration_ms: 120 }],
};

export const webhookReference: Reference = {
  tag: {
    name: "Webhooks",
    description: "You receive events as signed requests to an agent's webhook_url.",
  },
  operations: {
    "POST /v1/webhooks/secret": {
      id: "rotateWebhookSecret",
      summary: "Get a new signing secret",
      description:
        "Creates a new secret that signs your events, for all agents of the API key. The old secret, if there is one, also " +
        "signs them for another 24 hours. `X-Nixflex-Signature` then has one `v1` for each valid secret: the newest first, " +
        "five at most. Accept an event if any `v1` is correct.",
      auth: "apiKey",
      isUnkept: true,
      answers: [
        {
          status: 201,
          description: "The secret. Save it now.",
          schema: z.object({
            message: answered(z.string(), "A reminder to keep the secret."),
            webhook_secret: answered(
              z.string().check(z.regex(/^nxws_[0-9a-f]{64}$/)),
              "The secret that makes `X-Nixflex-Signature`. It cannot be shown again.",
              SECRET,
            ),
            previous_valid_until: time("Until when the old secret also signs"),
          }),
          example: {
            message:
              "Save the webhook_secret now: it cannot be shown again. The old secret, if any, also signs until " +
              "previous_valid_until.",
            webhook_secret: SECRET,
            previous_valid_until: TIME,
          },
        },
      ],
      errors: [],
    },
    "POST /v1/webhooks/test": {
      id: "testWebhook",
      summary: "Send a test event",
      description: "Sends a signed `webhook.test` event to the agent's webhook_url, like any other event.",
      auth: "apiKey",
      body: {
        schema: described(testBody, {
          agent_id: {
            description: "An agent of the calling API key with a webhook_url. Also spelled `agentId`.",
            examples: [AGENT_ID],
          },
        }),
        example: { agent_id: AGENT_ID },
      },
      answers: [
        {
          status: 201,
          description: "The new delivery.",
          schema: z.object({ delivery }),
          example: { delivery: pending },
        },
      ],
      errors: ["missing_field", "agent_not_found", "agent_has_no_webhook"],
    },
    "GET /v1/webhooks/deliveries": {
      id: "listDeliveries",
      summary: "List deliveries",
      description: "The events of the calling API key and their attempts, newest first.",
      auth: "apiKey",
      query: listQuery({
        state: answered(z.optional(z.enum(DELIVERY_STATES)), "Only deliveries in this state."),
      }),
      answers: [
        {
          status: 200,
          description: "A page of deliveries, and how many there are in total.",
          schema: listAnswer("deliveries", delivery),
          example: { deliveries: [delivered], count: 1, limit: DEFAULT_LIMIT, offset: 0 },
        },
      ],
      errors: ["invalid_field"],
    },
    "POST /v1/webhooks/deliveries/{id}/redeliver": {
      id: "redeliver",
      summary: "Deliver again",
      description: "Tries a delivery again at once. It gets as many attempts as a new delivery.",
      auth: "apiKey",
      path: described(z.object({ id: z.string() }), {
        id: { description: "The id of the delivery.", examples: [EVENT_ID] },
      }),
      answers: [
        {
          status: 200,
          description: "The delivery, pending again.",
          schema: z.object({ delivery }),
          example: { delivery: pending },
        },
      ],
      errors: ["delivery_not_found"],
    },
  },
};
