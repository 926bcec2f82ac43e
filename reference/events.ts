import * as z from "zod/mini";
import { DELIVERY_ERRORS } from "../src/events/delivery.ts";
import { EVENT_TYPES } from "../src/events/event.ts";
import { DELIVERY_STATES } from "../src/events/outbox/store.ts";
import { deliveriesQuery, redeliverBody, testBody, urlBody } from "../src/events/schema.ts";
import { AGENT_ID, EVENT_ID, KEY_ID, NUMBER, TIME } from "./examples.ts";
import {
  answer,
  answered,
  deleted,
  described,
  exampleOf,
  listAnswer,
  listQuery,
  type Reference,
  time,
} from "./operation.ts";

const SECRET = `nxws_${"c0ffee00".repeat(8)}`;
const STANDARD_SECRET = `whsec_${"wP/uAMD/7gDA/+4A".repeat(2)}wP/uAMD/7gA=`;

const eventId = z.string().check(z.regex(/^evt_[0-9a-f]{32}$/));

const attempt = z.object({
  attempted_at: time("When the attempt was made"),
  http_status: answered(
    z.nullable(z.int()),
    "The status that your server answered; null if it did not.",
    204,
  ),
  error: answered(z.nullable(z.enum(DELIVERY_ERRORS)), "Why the event was not delivered; null if it was."),
  duration_ms: answered(z.int(), "How long the attempt took, in milliseconds.", 120),
});

export const delivery = z
  .object({
    id: answered(eventId, "The id of the event. If the event is sent again, the id is the same.", EVENT_ID),
    event: answered(z.enum(EVENT_TYPES), "What happened.", "call.completed"),
    agent_id: answered(
      z.nullable(z.string()),
      "The agent. Its webhook_url receives the event, or the API key's own if it has none; null: an event of the key.",
      AGENT_ID,
    ),
    external_id: answered(
      z.nullable(z.string()),
      "The `external_id` of the number when it happened; null if it had none, or if it happened to no number.",
    ),
    actor: answered(
      z.nullable(
        z.object({
          kind: answered(
            z.enum(["secret", "session", "link", "operator", "recovery", "check"]),
            "A secret of the key or a session of one, a connect link, the operator, or this service: its recovery or check.",
            "secret",
          ),
          name: answered(
            z.nullable(z.string()),
            "Of the secret or link; null: there is only one of the kind.",
            "portal",
          ),
        }),
      ),
      "Who made it happen; null: Twilio, or a caller.",
    ),
    state: answered(z.enum(DELIVERY_STATES), "`pending` until the event is `delivered` or has `failed`."),
    next_attempt_at: z.nullable(time("When the next attempt is made; null if there is none")),
    created_at: time("When it happened"),
    updated_at: time("When the state last changed"),
    attempts: answered(z.array(attempt), "The attempts so far, the oldest first."),
  })
  .check(z.meta({ id: "Delivery", description: "An event, and the attempts to send it to you." }));

const pending = exampleOf(delivery, { event: "webhook.test", state: "pending", next_attempt_at: TIME });

export const delivered = exampleOf(delivery, {
  external_id: "branch-17",
  state: "delivered",
  attempts: [exampleOf(attempt)],
});

const deliveryQuery = listQuery(deliveriesQuery, {
  state: { description: "Only deliveries in this state." },
  event: { description: "Only events of this kind." },
  external_id: { description: "Only events of numbers that had this `external_id` then." },
});

const deliveryPage = listAnswer("deliveries", delivery, delivered);

const PAYLOAD = {
  event: "call.completed",
  event_id: EVENT_ID,
  created_at: TIME,
  agent_id: AGENT_ID,
  phone_number: NUMBER,
  duration_seconds: 87,
};

const OWN_URL = "https://example.com/events";
const ownUrl = z.object({ url: answered(z.nullable(z.string()), "The URL; null: none.", OWN_URL) });

const keyId = z.string().check(z.regex(/^nxf_[0-9a-f]{32}$/));

export const webhookReference: Reference = {
  tag: {
    name: "Webhooks",
    description:
      "You receive events as signed requests to an agent's webhook_url, or to the API key's own URL.",
  },
  operations: {
    "POST /v1/webhooks/secret": {
      id: "rotateWebhookSecret",
      summary: "Get a new signing secret",
      description:
        "Creates a new secret that signs your events, for all agents of the API key. The old secret, if there is one, also " +
        "signs them for another 24 hours. `X-Nixflex-Signature` then has one `v1` for each valid secret: the newest first, " +
        "five at most. Accept an event if any `v1` is correct.",
      isUnkept: true,
      answers: [
        answer(
          "The secret. Save it now.",
          z.object({
            message: answered(z.string(), "A reminder to keep the secret."),
            webhook_secret: answered(
              z.string().check(z.regex(/^nxws_[0-9a-f]{64}$/)),
              "The secret that makes `X-Nixflex-Signature`. It cannot be shown again.",
              SECRET,
            ),
            standard_webhooks_secret: answered(
              z.string().check(z.regex(/^whsec_[A-Za-z0-9+/]{43}=$/)),
              "The same secret in the form that [Standard Webhooks](https://www.standardwebhooks.com) libraries take.",
              STANDARD_SECRET,
            ),
            previous_valid_until: time("Until when the old secret also signs"),
          }),
          {
            message:
              "Save the webhook_secret now: it cannot be shown again. The old secret, if any, also signs until " +
              "previous_valid_until.",
          },
          201,
        ),
      ],
    },
    "GET /v1/webhooks/url": {
      id: "getWebhookUrl",
      summary: "See the API key's own URL",
      description:
        "The URL that receives the events of the API key, and of its agents without a webhook_url.",
      answers: [answer("The URL.", ownUrl)],
    },
    "PUT /v1/webhooks/url": {
      id: "setWebhookUrl",
      summary: "Set the API key's own URL",
      description:
        "From now on this URL receives the events of the API key itself, such as `limit.near` and `credentials.rejected`, and the " +
        "events of agents and numbers without a webhook_url. Without it, an event of the key goes once to each webhook_url " +
        "that its agents have.",
      body: {
        schema: described(urlBody, {
          url: {
            description: "An https URL, as an agent's webhook_url. null takes it away.",
            examples: [OWN_URL],
          },
        }),
        example: { url: OWN_URL },
      },
      answers: [answer("The URL.", ownUrl)],
      errors: ["missing_field", "invalid_url"],
    },
    "POST /v1/webhooks/test": {
      id: "testWebhook",
      summary: "Send a test event",
      tool: {
        name: "test_webhook",
        text: "Sends a test event to an agent's webhook_url, or to the key's own URL. See with list_deliveries what became of it.",
        isAdditive: true,
        arguments: { agent_id: "An agent with a webhook_url. Without it, the key's own URL gets the event." },
      },
      description:
        "Sends a signed `webhook.test` event to the agent's webhook_url, like any other event. Without an agent, the API key's own " +
        "URL gets it.",
      body: {
        schema: described(testBody, {
          agent_id: {
            description: "An agent of the calling API key. Also spelled `agentId`.",
            examples: [AGENT_ID],
          },
        }),
        example: { agent_id: AGENT_ID },
      },
      answers: [answer("The new delivery.", z.object({ delivery }), { delivery: pending }, 201)],
      errors: ["agent_not_found", "agent_has_no_webhook"],
    },
    "GET /v1/webhooks/deliveries": {
      id: "listDeliveries",
      summary: "List deliveries",
      tool: {
        name: "list_deliveries",
        text: "Events to webhook_urls, with each attempt to deliver them, newest first.",
      },
      description: "The events of the calling API key and their attempts, newest first.",
      query: deliveryQuery,
      answers: [deliveryPage],
    },
    "GET /v1/webhooks/deliveries/{id}": {
      id: "getDelivery",
      summary: "Get a delivery and what is sent",
      description:
        "An event with its attempts and its body, as your server gets it. Of your server's answers only the status is kept.",
      answers: [
        answer(
          "The delivery.",
          z.object({
            delivery,
            payload: answered(
              z.nullable(z.record(z.string(), z.unknown())),
              "The body that is sent; null if it was delivered over 7 days ago.",
            ),
          }),
          { delivery: delivered, payload: PAYLOAD },
        ),
      ],
    },
    "POST /v1/webhooks/deliveries/{id}/redeliver": {
      id: "redeliver",
      summary: "Deliver again",
      tool: {
        name: "redeliver",
        text: "Sends an event again, now. It needs its id from list_deliveries.",
        isAdditive: true,
        arguments: { id: "The id of the event (evt_…)." },
      },
      description: "Tries a delivery again at once. It gets as many attempts as a new delivery.",
      answers: [answer("The delivery, pending again.", z.object({ delivery }), { delivery: pending })],
    },
    "GET /v1/keys/{key_id}/deliveries": {
      id: "listKeyDeliveries",
      summary: "List an API key's deliveries",
      description: "What `GET /v1/webhooks/deliveries` shows the key's owner. For the operator.",
      auth: "adminToken",
      query: deliveryQuery,
      answers: [deliveryPage],
    },
    "POST /v1/keys/{key_id}/deliveries/redeliver": {
      id: "redeliverFailed",
      summary: "Deliver what failed again",
      description:
        "Tries the deliveries of events that happened from `since` on, and before `until`, again at once, if they failed or " +
        "wait for another attempt. Each gets as many attempts as a new delivery. For the operator.",
      auth: "adminToken",
      body: {
        schema: described(redeliverBody, {
          since: { description: "An ISO 8601 time.", examples: [TIME] },
          until: { description: "An ISO 8601 time; now unless told.", examples: [TIME] },
        }),
        example: { since: TIME },
      },
      answers: [
        answer(
          "How many are pending again.",
          z.object({
            key_id: answered(keyId, "The key.", KEY_ID),
            redelivered: answered(z.int(), "How many deliveries.", 12),
          }),
        ),
      ],
      errors: ["missing_field"],
    },
    "DELETE /v1/keys/{key_id}/deliveries": {
      id: "eraseDeliveries",
      summary: "Delete an API key's events",
      description:
        "Deletes every event of the key, delivered or not, and all that is known of its deliveries. This cannot be undone. What " +
        "happens from then on is told as before, as long as the key's agents have a webhook_url. For the operator.",
      auth: "adminToken",
      answers: [answer("They are gone.", z.object({ key_id: answered(keyId, "The key.", KEY_ID), deleted }))],
    },
  },
};
