import { describe, expect, it } from "vitest";
import { type Need, refusalOf } from "../../src/api-keys/permission.ts";
import { needs } from "../support/needs.ts";

const FULL = { scope: "full", external_id: null } as const;
const READ = { scope: "read", external_id: null } as const;
const LIMITED = { scope: "full", external_id: "acme" } as const;
const BOTH = { scope: "read", external_id: "acme" } as const;

describe("what a secret may", () => {
  it.each<[Need, ...(string | undefined)[]]>([
    ["nothing", undefined, undefined, undefined, undefined],
    ["read", undefined, undefined, undefined, undefined],
    ["read_all", undefined, undefined, "secret_is_limited", "secret_is_limited"],
    ["number", undefined, "read_only_secret", undefined, "read_only_secret"],
    ["all", undefined, "read_only_secret", "secret_is_limited", "secret_is_limited"],
  ])("where %s is needed", (need, ...expected) => {
    expect([FULL, READ, LIMITED, BOTH].map((secret) => refusalOf(need, secret))).toEqual(expected);
  });
});

describe("every route with a key", () => {
  it("says what it needs; the others are the operator's, and a connect link's", () => {
    const silent = [...needs].filter(([, need]) => need === undefined).map(([route]) => route);
    expect(silent.sort()).toEqual([
      "DELETE /v1/admin/phone-numbers/:number",
      "DELETE /v1/keys/:key_id",
      "DELETE /v1/keys/:key_id/calls",
      "DELETE /v1/keys/:key_id/deliveries",
      "GET /v1/connect",
      "GET /v1/connect/available-numbers",
      "GET /v1/keys",
      "GET /v1/keys/:key_id/deliveries",
      "PATCH /v1/keys/:key_id",
      "POST /v1/connect/phone-numbers",
      "POST /v1/connect/twilio-account",
      "POST /v1/keys",
      "POST /v1/keys/:key_id/deliveries/redeliver",
    ]);
  });

  it("is closed to a secret that only reads if it is no GET, but for signing in and /mcp, which asks again", () => {
    const open = [...needs]
      .filter(([, need]) => need !== undefined && refusalOf(need, READ) === undefined)
      .map(([route]) => route)
      .filter((route) => !route.startsWith("GET "));
    expect(open.sort()).toEqual(["DELETE /v1/session", "POST /mcp", "POST /v1/session"]);
  });

  it("is closed to a limited secret, but for what is about numbers", () => {
    const open = [...needs]
      .filter(([, need]) => need !== undefined && refusalOf(need, LIMITED) === undefined)
      .map(([route]) => route);
    expect(open.sort()).toEqual([
      "DELETE /v1/calls/:call_id",
      "DELETE /v1/session",
      "GET /v1/agents",
      "GET /v1/agents/:agent_id",
      "GET /v1/calls",
      "GET /v1/calls/:call_id",
      "GET /v1/calls/:call_id/recording",
      "GET /v1/phone-numbers",
      "GET /v1/phone-numbers/:number",
      "GET /v1/phone-numbers/:number/events",
      "GET /v1/sentences",
      "GET /v1/session",
      "GET /v1/usage",
      "GET /v1/webhooks/deliveries",
      "GET /v1/webhooks/deliveries/:id",
      "PATCH /v1/phone-numbers/:number",
      "POST /mcp",
      "POST /v1/calls",
      "POST /v1/calls/:call_id/hangup",
      "POST /v1/calls/:call_id/outcome",
      "POST /v1/calls/outbound",
      "POST /v1/phone-numbers/:number/check",
      "POST /v1/session",
      "POST /v1/sms",
    ]);
  });
});
