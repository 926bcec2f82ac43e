import { body, maxLength, requiredText } from "../http/schema.ts";

const MAX_AGENT_ID_LENGTH = 64;

/** `POST /v1/webhooks/test` */
export const testBody = body(
  { agent_id: requiredText().check(maxLength(MAX_AGENT_ID_LENGTH)) },
  { agent_id: "agentId" },
);
