import type { ErrorCode } from "../src/http/errors.ts";

// What examples are made of.

export const TIME = "2026-01-31T12:00:00.000Z";
export const NUMBER = "+447446466847";
export const CALLER = "+14155550123";
export const AGENT_ID = "agent_125207e452f8714a";
export const KEY_ID = `nxf_${"5f2c9a7e".repeat(4)}`;
export const SECRET_ID = `sec_${"5ec4e7a1".repeat(4)}`;
export const LINK_ID = `link_${"5f2c9a7e".repeat(4)}`;
export const ACCOUNT_ID = `twa_${"4f1c9a7e".repeat(4)}`;
export const IMPORT_ID = "imp_5f0c2ad9b1e84736a0c9d8e7f6a5b4c3";
export const EVENT_ID = `evt_${"1f0c77d2".repeat(4)}`;
export const ACCOUNT_SID = `AC${"0".repeat(31)}1`;
export const NUMBER_SID = "PN451e0ddf654327e36baab58dfbcd30d6";
export const CALL_SID = `CA${"5f2c9a7e".repeat(4)}`;
export const TOKEN = "the Auth Token of that account";

type PathParameter = { description: string; examples: string[]; errors: readonly ErrorCode[] };

/** The parameters of all paths, and how an endpoint answers that there is no such thing: a name means the same in each. */
export const PATH_PARAMETERS: Readonly<Record<string, PathParameter>> = {
  number: {
    description: "An imported number in E.164, its plus as `+`, as `%2B` or left out; or its SID at Twilio.",
    examples: [NUMBER],
    errors: ["invalid_phone_format", "number_not_found"],
  },
  agent_id: {
    description: "An agent of the calling API key.",
    examples: [AGENT_ID],
    errors: ["agent_not_found"],
  },
  call_id: { description: "Twilio's SID of the call.", examples: [CALL_SID], errors: ["call_not_found"] },
  connect_link_id: {
    description: "The `connect_link_id`.",
    examples: [LINK_ID],
    errors: ["connect_link_not_found"],
  },
  id: { description: "The id of the delivery.", examples: [EVENT_ID], errors: ["delivery_not_found"] },
  import_id: {
    description: "The id of a bulk import.",
    examples: [IMPORT_ID],
    errors: ["phone_number_import_not_found"],
  },
  key_id: { description: "The first half of the key.", examples: [KEY_ID], errors: ["key_not_found"] },
  secret_id: { description: "The id of the secret.", examples: [SECRET_ID], errors: ["secret_not_found"] },
  twilio_account_id: {
    description: "A `twilio_account_id`; or the SID, if it is connected in one Region only.",
    examples: [ACCOUNT_ID],
    errors: ["account_not_found"],
  },
};
