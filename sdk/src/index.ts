export { type Client, type ClientOptions, createClient, type RequestOptions } from "./client.ts";
export { type ErrorCode, NixflexError } from "./error.ts";
export type { components, operations } from "./generated/openapi.ts";
export { paginate } from "./paginate.ts";
export { EventRefused, verifyEvent, type WebhookEvent } from "./verify-event.ts";
