import type { ErrorCode } from "../../src/http/errors.ts";
import type { Named } from "./tenant.ts";

/** A request by one customer about what another one has. */
export type Example = {
  /** What stands in the path instead of what `inPath` says. */
  path?: Record<string, string>;
  query?: Record<string, string>;
  body?: Record<string, unknown>;
  /** How it is refused; absent if it is answered with nothing but the stranger's own. */
  refused?: [status: number, code: ErrorCode];
  /** Why the answer may differ from that to a request about what nobody has. */
  differs?: string;
  /** How the owner's own request is answered, if not with a success. */
  owner?: number;
};

/** @param of whose things the request names @param by who sends it */
export type Examples = (of: Named, by: Named) => readonly Example[];

/** What the parameters of paths name. */
export const inPath = (of: Named): Record<string, string> => ({
  agent_id: of.agentId,
  number: of.phoneNumber,
  id: of.deliveryId,
  call_id: of.callId,
  key_id: of.keyId,
  import_id: of.importId,
  twilio_account_id: of.twilioSid,
  secret_id: of.secretId,
  connect_link_id: of.linkId,
});

const nothing: Examples = () => [{}];
const refused =
  (status: number, code: ErrorCode): Examples =>
  () => [{ refused: [status, code] }];

const CALLEE = "+441632960999";

const calls: Examples = (of, by) => [
  { body: { agent_id: of.agentId, to_number: CALLEE }, refused: [404, "agent_not_found"] },
  {
    body: { agent_id: by.agentId, to_number: CALLEE, from_number: of.phoneNumber },
    refused: [400, "from_number_not_found"],
  },
];

/** Each route that an API key opens. */
export const OF_API_KEYS: Readonly<Record<string, Examples>> = {
  "POST /v1/keys/secrets": () => [{ body: { name: "Mine", scope: "read" } }],
  "GET /v1/keys/secrets": nothing,
  "DELETE /v1/keys/secrets/:secret_id": refused(404, "secret_not_found"),
  "POST /v1/keys/rotate": nothing,

  "POST /v1/session": nothing,
  "GET /v1/session": nothing,
  "DELETE /v1/session": nothing,

  "POST /v1/agents": () => [{ body: { name: "Mine" } }],
  "GET /v1/agents": nothing,
  "GET /v1/agents/:agent_id": refused(404, "agent_not_found"),
  "PUT /v1/agents/:agent_id": () => [{ body: { name: "Taken" }, refused: [404, "agent_not_found"] }],
  "PATCH /v1/agents/:agent_id": () => [{ body: { name: "Taken" }, refused: [404, "agent_not_found"] }],
  "DELETE /v1/agents/:agent_id": () => [
    { refused: [404, "agent_not_found"], owner: 409 },
    { query: { force: "true" }, refused: [404, "agent_not_found"] },
  ],

  "GET /v1/sentences": (of) => [
    { query: { phone_number: of.phoneNumber }, refused: [404, "number_not_found"] },
  ],
  "POST /v1/agents/:agent_id/try": (of, by) => {
    const messages = [{ role: "caller", text: "Hello" }];
    return [
      { body: { messages }, refused: [404, "agent_not_found"] },
      {
        path: { agent_id: by.agentId },
        body: { messages, phone_number: of.phoneNumber },
        refused: [404, "number_not_found"],
      },
    ];
  },

  "POST /v1/phone-numbers": (of, by) => {
    const free = {
      phone_number: by.freeNumber,
      twilio_sid: by.twilioSid,
      twilio_token: by.twilioToken,
      agent_id: of.agentId,
      external_id: of.externalId,
    };
    const taken = {
      phone_number: of.phoneNumber,
      twilio_sid: of.twilioSid,
      twilio_token: of.twilioToken,
      agent_id: by.agentId,
    };
    const notOwned = "the contract says that such an agent exists";
    const imported =
      "who has the account's token knows its numbers; the answer does not say whose it is here";
    return [
      { query: { dry_run: "true" }, body: free, refused: [403, "agent_not_owned"], differs: notOwned },
      { body: free, refused: [403, "agent_not_owned"], differs: notOwned },
      { body: taken, refused: [409, "number_already_imported"], differs: imported, owner: 409 },
    ];
  },
  "GET /v1/phone-numbers": (of) => [
    {},
    { query: { agent_id: of.agentId } },
    { query: { external_id: of.externalId } },
    { query: { twilio_sid: of.twilioSid } },
  ],
  "GET /v1/phone-numbers/:number": refused(404, "number_not_found"),
  "GET /v1/phone-numbers/:number/events": refused(404, "number_not_found"),
  "PATCH /v1/phone-numbers/:number": (of, by) => [
    { body: { inbound_enabled: false }, refused: [404, "number_not_found"] },
    { query: { dry_run: "true" }, body: { inbound_enabled: true }, refused: [404, "number_not_found"] },
    {
      path: { number: by.phoneNumber },
      body: { agent_id: of.agentId, external_id: of.externalId },
      refused: [404, "agent_not_found"],
    },
  ],
  "DELETE /v1/phone-numbers/:number": () => [
    { query: { dry_run: "true" }, refused: [404, "number_not_found"] },
    { refused: [404, "number_not_found"] },
  ],
  "POST /v1/phone-numbers/:number/check": refused(404, "number_not_found"),
  "GET /v1/account/health": nothing,

  "POST /v1/twilio-accounts": (of) => [
    {
      body: { twilio_sid: of.twilioSid, twilio_token: "0".repeat(32) },
      refused: [401, "twilio_auth_failed"],
      differs: "Twilio says whether the account exists",
      owner: 401,
    },
  ],
  "GET /v1/twilio-accounts": nothing,
  "GET /v1/twilio-accounts/:twilio_account_id": refused(404, "account_not_found"),
  "DELETE /v1/twilio-accounts/:twilio_account_id": () => [
    { refused: [404, "account_not_found"], owner: 409 },
  ],
  "GET /v1/twilio-accounts/:twilio_account_id/available-numbers": refused(404, "account_not_found"),

  "POST /v1/phone-number-imports": (of, by) => {
    const body = { twilio_sid: by.twilioSid, twilio_token: by.twilioToken, agent_id: by.agentId };
    const items = [{ phone_number: by.phoneNumber }];
    const notOwned = "the contract says that such an agent exists";
    const toBe = "whether the account has the number and the agent is the key's, its results say";
    return [
      {
        body: { ...body, agent_id: of.agentId, items },
        refused: [403, "agent_not_owned"],
        differs: notOwned,
      },
      {
        query: { dry_run: "true" },
        body: {
          ...body,
          external_id: of.externalId,
          items: [{ phone_number: of.phoneNumber, agent_id: of.agentId }],
        },
        differs: toBe,
      },
      {
        body: { ...body, twilio_sid: of.twilioSid, twilio_token: "0".repeat(32), items },
        refused: [401, "twilio_auth_failed"],
        differs: "Twilio tells everybody whether there is such an account",
        owner: 401,
      },
    ];
  },
  "GET /v1/phone-number-imports": nothing,
  "GET /v1/phone-number-imports/:import_id": refused(404, "phone_number_import_not_found"),
  "GET /v1/phone-number-imports/:import_id/results": refused(404, "phone_number_import_not_found"),
  "GET /v1/phone-number-imports/:import_id/results.csv": refused(404, "phone_number_import_not_found"),
  "POST /v1/phone-number-imports/:import_id/retry": (of) => [
    { body: { twilio_token: of.twilioToken }, refused: [404, "phone_number_import_not_found"] },
  ],
  "POST /v1/phone-number-imports/:import_id/cancel": refused(404, "phone_number_import_not_found"),

  "POST /v1/connect-links": (of) => [{ body: { agent_id: of.agentId }, refused: [404, "agent_not_found"] }],
  "GET /v1/connect-links": nothing,
  "GET /v1/connect-links/:connect_link_id": refused(404, "connect_link_not_found"),
  "DELETE /v1/connect-links/:connect_link_id": refused(404, "connect_link_not_found"),

  "POST /v1/calls": calls,
  "POST /v1/calls/outbound": calls,
  "GET /v1/calls": (of) => [
    {},
    { query: { agent_id: of.agentId } },
    { query: { phone_number: of.phoneNumber } },
    { query: { external_id: of.externalId } },
  ],
  "GET /v1/calls/:call_id": (of) => [
    { refused: [404, "call_not_found"] },
    { path: { call_id: of.liveCallId }, refused: [404, "call_not_found"] },
  ],
  "GET /v1/calls/:call_id/recording": refused(404, "call_not_found"),
  "POST /v1/calls/:call_id/hangup": (of) => [
    { refused: [404, "call_not_found"] },
    { path: { call_id: of.liveCallId }, refused: [404, "call_not_found"] },
  ],
  "POST /v1/calls/:call_id/outcome": (of) => [
    { body: { summary: "Mine." }, refused: [404, "call_not_found"], owner: 409 },
    { path: { call_id: of.liveCallId }, body: {}, refused: [404, "call_not_found"], owner: 409 },
  ],
  "DELETE /v1/calls/:call_id": (of) => [
    { path: { call_id: of.liveCallId }, refused: [404, "call_not_found"], owner: 409 },
    { refused: [404, "call_not_found"] },
  ],
  "POST /v1/sms": (of, by) => [
    { body: { agent_id: of.agentId, to: CALLEE, message: "Hello" }, refused: [404, "agent_not_found"] },
    {
      body: { agent_id: by.agentId, to: CALLEE, message: "Hello", from_number: of.phoneNumber },
      refused: [400, "from_number_not_found"],
    },
  ],

  "GET /v1/usage": (of) => [{}, { query: { external_id: of.externalId } }],

  "POST /v1/webhooks/secret": nothing,
  "GET /v1/webhooks/url": nothing,
  "PUT /v1/webhooks/url": () => [{ body: { url: null } }],
  "POST /v1/webhooks/test": (of) => [{ body: { agent_id: of.agentId }, refused: [404, "agent_not_found"] }],
  "GET /v1/webhooks/deliveries": (of) => [{}, { query: { external_id: of.externalId } }],
  "GET /v1/webhooks/deliveries/:id": refused(404, "delivery_not_found"),
  "POST /v1/webhooks/deliveries/:id/redeliver": refused(404, "delivery_not_found"),
};

/** Each route that only a connect link's token opens. */
export const OF_LINKS: Readonly<Record<string, Examples>> = {
  "GET /v1/connect": nothing,
  "POST /v1/connect/twilio-account": (of) => [{ body: { twilio_sid: of.twilioSid } }],
  "GET /v1/connect/available-numbers": nothing,
  "POST /v1/connect/phone-numbers": (of) => [{ body: { phone_number: of.phoneNumber } }],
};

/** Each route that only the operator's token opens. */
export const OF_THE_OPERATOR: Readonly<Record<string, Examples>> = {
  "POST /v1/keys": nothing,
  "GET /v1/keys": nothing,
  "GET /v1/keys/:key_id/deliveries": (of) => [{}, { query: { external_id: of.externalId } }],
  "POST /v1/keys/:key_id/deliveries/redeliver": () => [{ body: { since: "2026-01-01T00:00:00Z" } }],
  "DELETE /v1/keys/:key_id/deliveries": nothing,
  "DELETE /v1/keys/:key_id/calls": nothing,
  "PATCH /v1/keys/:key_id": () => [{ body: { limits: { max_agents: 1 } } }],
  "DELETE /v1/keys/:key_id": nothing,
  "DELETE /v1/admin/phone-numbers/:number": nothing,
};
