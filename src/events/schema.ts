import * as z from "zod/mini";
import { body, requiredText } from "../http/schema.ts";

const MAX_AGENT_ID_LENGTH = 64;

/** `POST /v1/webhooks/test` */
export const testBody = body(
  { agent_id: requiredText().check(z.maxLength(MAX_AGENT_ID_LENGTH, "invalid_field")) },
  { agent_id: "agentId" },
);
