import * as z from "zod/mini";
import { MAX_URL_LENGTH } from "../agents/schema.ts";
import { pageShape } from "../http/page.ts";
import { query } from "../http/query.ts";
import { body, changes, isTime, maxLength, requiredText } from "../http/schema.ts";
import { EVENT_TYPES } from "./event.ts";
import { DELIVERY_STATES } from "./outbox/store.ts";

const MAX_AGENT_ID_LENGTH = 64;
const MAX_TIME_LENGTH = 40;

/** `POST /v1/webhooks/test` */
export const testBody = body(
  { agent_id: z.optional(z.string().check(maxLength(MAX_AGENT_ID_LENGTH))) },
  { agent_id: "agentId" },
);

/** `PUT /v1/webhooks/url` */
export const urlBody = changes({
  url: z.nullable(requiredText().check(maxLength(MAX_URL_LENGTH, "invalid_url"))),
});

/** `GET /v1/webhooks/deliveries` */
export const deliveriesQuery = query({
  state: z.optional(z.enum(DELIVERY_STATES)),
  event: z.optional(z.enum(EVENT_TYPES)),
  external_id: z.optional(z.string()),
  ...pageShape,
});

export type DeliveriesQuery = z.output<typeof deliveriesQuery>;

/** `POST /v1/keys/{key_id}/deliveries/redeliver`; times become milliseconds. */
export const redeliverBody = z.pipe(
  body({
    since: requiredText().check(maxLength(MAX_TIME_LENGTH), isTime),
    until: z.optional(z.string().check(maxLength(MAX_TIME_LENGTH), isTime)),
  }),
  z.transform(({ since, until }) => ({
    since: Date.parse(since),
    until: until === undefined ? undefined : Date.parse(until),
  })),
);
