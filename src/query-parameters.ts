import { PAGE_PARAMETERS } from "./http/page.ts";

/** The query parameters of each route under /v1; all other routes have none. A test compares this with the document. */
export const QUERY_PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  "GET /v1/keys": PAGE_PARAMETERS,
  "GET /v1/agents": PAGE_PARAMETERS,
  "DELETE /v1/agents/:agent_id": ["force"],
  "POST /v1/phone-numbers": ["dry_run"],
  "GET /v1/phone-numbers": ["agent_id", "twilio_sid", "health", "search", ...PAGE_PARAMETERS],
  "GET /v1/phone-numbers/:number/events": PAGE_PARAMETERS,
  "PATCH /v1/phone-numbers/:number": ["dry_run"],
  "DELETE /v1/phone-numbers/:number": ["dry_run"],
  "GET /v1/calls": ["agent_id", "phone_number", "direction", "status", ...PAGE_PARAMETERS],
  "GET /v1/usage": ["since", "until"],
  "POST /v1/phone-number-imports": ["dry_run"],
  "GET /v1/phone-number-imports": PAGE_PARAMETERS,
  "GET /v1/phone-number-imports/:import_id/results": ["outcome", ...PAGE_PARAMETERS],
  "GET /v1/phone-number-imports/:import_id/results.csv": ["outcome"],
  "GET /v1/keys/:key_id/deliveries": ["state", ...PAGE_PARAMETERS],
  "GET /v1/webhooks/deliveries": ["state", ...PAGE_PARAMETERS],
};
