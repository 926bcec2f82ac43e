import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { RECONCILIATION } from "../../src/queues.ts";
import { haveImported, tell } from "../support/answering.ts";
import { deliverQueued, runCron } from "../support/consume.ts";
import { startCustomer } from "../support/customer.ts";
import { reconcile } from "../support/reconciliation.ts";
import { twilio } from "../support/twilio.ts";
import { call, get, type Key, post, rows } from "../support/worker.ts";
import type { NumberResource } from "../twilio-simulator/resource.ts";
import { promoteSecondaryToken, type WebhookRule } from "../twilio-simulator/state.ts";

// What is told and shown is true: it was so at that moment, and what is no longer so is not kept.

const NUMBER = "/v1/phone-numbers/%2B447446466847";

async function prepare(fields: Partial<NumberResource> = {}) {
  const customer = startCustomer();
  const imported = await haveImported({ webhook_url: customer.url }, fields);
  customer.received.length = 0;
  const number = [...twilio.state.numbers.values()].find(
    ({ phone_number }) => phone_number === imported.phoneNumber,
  );
  if (!number) throw new Error("no number");
  const told = () => customer.events().map(({ event }) => event);
  return { ...imported, customer, number, told };
}

type Entry = { health: string; health_reasons: string[] };
const entry = async (key: Key): Promise<Entry> => {
  const { phone_number } = await (await get(NUMBER, key)).json<{ phone_number: Entry }>();
  return { health: phone_number.health, health_reasons: phone_number.health_reasons };
};
const WELL: Entry = { health: "ok", health_reasons: [] };

type AccountsHealth = {
  twilio_accounts: { health: string; warnings: { code: string; details: object }[] }[];
};
const accountHealth = async (key: Key) =>
  (await (await get("/v1/account/health", key)).json<AccountsHealth>()).twilio_accounts[0];

/** Something happens while the answer to a request of Twilio's API is under way. */
function meanwhile(isAsked: (request: Request) => boolean, happens: () => Promise<unknown>): void {
  const { fetch } = twilio;
  twilio.fetch = async (request) => {
    if (!isAsked(request)) return fetch(request);
    twilio.fetch = fetch;
    await happens();
    return fetch(request);
  };
}

describe("a number's health", () => {
  it("ends with what was wrong, although its drift policy was set meanwhile", async () => {
    const { key, number } = await prepare();
    const { voice_url } = number;
    await call("PATCH", NUMBER, key, { drift_policy: "report" });
    number.voice_url = "https://elsewhere.example/voice";
    await reconcile();
    await call("PATCH", NUMBER, key, { drift_policy: "report" });
    expect(await entry(key)).toEqual({ health: "url_mismatch", health_reasons: ["url_mismatch"] });
    number.voice_url = voice_url;
    await reconcile();
    expect(await entry(key)).toEqual(WELL);
  });

  it("ends with another routing, although its drift policy was set meanwhile", async () => {
    const { key, number } = await prepare();
    twilio.state.voiceRegions.set(number.phone_number, "ie1");
    await call("POST", `${NUMBER}/check`, key);
    await call("PATCH", NUMBER, key, { drift_policy: "repair" });
    expect(await entry(key)).toEqual({ health: "routed_elsewhere", health_reasons: ["routed_elsewhere"] });
    twilio.state.voiceRegions.set(number.phone_number, "us1");
    await reconcile();
    expect(await entry(key)).toEqual(WELL);
  });

  it("is not contested any more once its owner has set the policy", async () => {
    const { key } = await prepare();
    const reasons = '["url_mismatch","repair_contested"]';
    await env.DB.prepare("UPDATE phone_numbers SET health_reasons = ?1").bind(reasons).run();
    await call("PATCH", NUMBER, key, { drift_policy: "repair" });
    expect(await entry(key)).toEqual({ health: "url_mismatch", health_reasons: ["url_mismatch"] });
  });

  it("is derived from its reasons, which D1 lists the same", async () => {
    const { key } = await prepare();
    const reasons = '["receives_fax","wrong_method"]';
    await env.DB.prepare("UPDATE phone_numbers SET health_reasons = ?1").bind(reasons).run();
    const list = async (health: string) =>
      (await (await get(`/v1/phone-numbers?health=${health}`, key)).json<{ count: number }>()).count;
    expect(await Promise.all(["receives_fax", "wrong_method", "attention", "ok"].map(list))).toEqual([
      1, 0, 1, 0,
    ]);
  });
});

describe("an event about a number", () => {
  it("is not told of one that was released while it was checked", async () => {
    const { key, number, told } = await prepare();
    await call("PATCH", NUMBER, key, { drift_policy: "report" });
    number.voice_url = "https://elsewhere.example/voice";
    await env.DB.prepare("UPDATE twilio_accounts SET next_check_at = '2020'").run();
    await runCron("*/15 * * * *");
    let isReleased = false;
    // Between the read of the rows and the write of the finding.
    const DB = {
      prepare: (query: string) => env.DB.prepare(query),
      withSession: () => env.DB.withSession(),
      batch: async (statements: D1PreparedStatement[]) => {
        if (!isReleased) {
          isReleased = true;
          await call("DELETE", NUMBER, key);
        }
        return env.DB.batch(statements);
      },
    } as unknown as D1Database;
    await deliverQueued(RECONCILIATION, { DB });
    expect(isReleased).toBe(true);
    expect(told()).toEqual(["number.changed", "number.released"]);
  });

  it("is not told of a channel that was given back while it was checked", async () => {
    const { key, number, told } = await prepare();
    await call("PATCH", NUMBER, key, { drift_policy: "report" });
    number.sms_url = "https://elsewhere.example/sms";
    meanwhile(
      ({ url }) => url.includes(number.sid),
      () => call("PATCH", NUMBER, key, { channels: ["voice"] }),
    );
    await call("POST", `${NUMBER}/check`, key);
    expect(told()).toEqual(["number.changed", "number.changed"]);
    expect(await entry(key)).toEqual(WELL);
  });

  it("is told once by two checks at the same time", async () => {
    const { key, number, told } = await prepare();
    await call("PATCH", NUMBER, key, { drift_policy: "report" });
    number.voice_url = "https://elsewhere.example/voice";
    const check = () => call("POST", `${NUMBER}/check`, key);
    meanwhile(({ url }) => url.includes(number.sid), check);
    await check();
    expect(told()).toEqual(["number.changed", "number.drifted"]);
  });
});

describe("credentials.rejected", () => {
  const rotate = async ({ key, account }: Awaited<ReturnType<typeof prepare>>) => {
    account.secondaryAuthToken = "n".repeat(32);
    promoteSecondaryToken(account);
    await call("PATCH", NUMBER, key, { twilio_token: account.authToken });
  };

  it("is not told by a check that still used the token before", async () => {
    const prepared = await prepare();
    meanwhile(
      ({ url }) => url.includes("PageSize=1000"),
      () => rotate(prepared),
    );
    await reconcile();
    expect(prepared.told()).toEqual(["number.changed"]);
    expect(await entry(prepared.key)).toEqual(WELL);
  });

  it("nor said of a good token by the check of one number", async () => {
    const prepared = await prepare();
    meanwhile(
      ({ url }) => url.includes(prepared.number.sid),
      () => rotate(prepared),
    );
    await call("POST", `${NUMBER}/check`, prepared.key);
    expect(prepared.told()).toEqual(["number.changed"]);
    expect(await entry(prepared.key)).toEqual(WELL);
  });

  it("is told by the check of one number, and once", async () => {
    const { key, account, told } = await prepare();
    account.authToken = "0".repeat(32);
    await call("POST", `${NUMBER}/check`, key);
    await reconcile();
    expect(told()).toEqual(["credentials.rejected"]);
  });
});

describe("refused signatures", () => {
  const ring = () => twilio.ring("+447446466847");

  it("outweigh a good answer of the REST API until one is verified", async () => {
    const imported = await prepare();
    const { key, told, customer } = imported;
    const refused = () => tell(imported, "voice", { CallSid: "CA1" }, { token: "promoted elsewhere" });
    for (let index = 0; index < 3; index += 1) await refused();
    const reasons = { health: "signatures_refused", health_reasons: ["signatures_refused"] };
    expect(await entry(key)).toEqual(reasons);
    expect(customer.events()[0]).toMatchObject({ event: "signatures.refused", reason: "signatures_refused" });
    await reconcile();
    await call("POST", `${NUMBER}/check`, key);
    await call("PATCH", NUMBER, key, { twilio_token: imported.account.authToken });
    expect(await entry(key)).toEqual(reasons);
    expect((await accountHealth(key))?.health).toBe("signatures_refused");
    // It is checked as often as any other.
    const [row] = await rows<{ check_failures: number }>("twilio_accounts");
    expect(row?.check_failures).toBe(0);

    await tell(imported, "status", { CallSid: "CA1", CallStatus: "completed" });
    expect(await entry(key)).toEqual(WELL);
    expect(told().filter((event) => event === "signatures.refused")).toHaveLength(1);
  });

  it("end with a new token", async () => {
    const imported = await prepare();
    const { key, account } = imported;
    for (let index = 0; index < 3; index += 1) await tell(imported, "voice", {}, { token: "another" });
    account.secondaryAuthToken = "n".repeat(32);
    promoteSecondaryToken(account);
    await call("PATCH", NUMBER, key, { twilio_token: account.authToken });
    expect(await entry(key)).toEqual(WELL);
  });

  it("are told apart if a Webhook Rule has them signed with another key", async () => {
    const { key, account, told, customer } = await prepare();
    const sharedKey = { id: "webhooks_sharedkey_1", secret: "s", algorithm: "HMAC_SHA256" as const };
    const rule: WebhookRule = { id: "webhooks_rule_1", matchType: "DEFAULT", sharedKey };
    account.webhookRules = [rule];
    const { answeredBy, exchanges } = await ring();
    expect(answeredBy).toBe("application_error");
    expect(exchanges.map(({ status }) => status)).toEqual([403, 403]);
    await ring();
    expect(JSON.parse(exchanges[0]?.body ?? "")).toMatchObject({
      error: {
        code: "invalid_signature",
        message: expect.stringContaining("Webhook Rule"),
        details: { reason: "signed_by_other_key" },
      },
    });
    expect(exchanges[0]?.body).not.toContain(sharedKey.id);
    expect(await entry(key)).toEqual({
      health: "signed_by_other_key",
      health_reasons: ["signed_by_other_key"],
    });
    await reconcile();
    const warning = { code: "webhook_rule", details: { rule_id: rule.id, match_type: "DEFAULT" } };
    expect(await accountHealth(key)).toMatchObject({ health: "signed_by_other_key", warnings: [warning] });
    expect(told()).toEqual(["signatures.refused"]);
    expect(customer.events()[0]).toMatchObject({ reason: "signed_by_other_key", twilio_sid: account.sid });

    // The rule is gone: Twilio signs as ever.
    account.webhookRules = [];
    expect((await ring()).answeredBy).toBe("webhook");
    expect(await entry(key)).toEqual(WELL);
    await reconcile();
    expect(await accountHealth(key)).toMatchObject({ health: "ok", warnings: [] });
  });
});

describe("Webhook Rules", () => {
  const asked = () => twilio.state.requests.filter(({ operation }) => operation === "webhook_rules").length;
  const shared = {
    id: "webhooks_rule_1",
    sharedKey: { id: "k", secret: "s", algorithm: "HMAC_SHA1" as const },
  };

  it.each<[string, WebhookRule[] | "forbidden", string[], string[]]>([
    ["none", [], [], []],
    ["the default", [{ ...shared, matchType: "DEFAULT" }], ["webhook_rule"], []],
    [
      "our host",
      [{ ...shared, matchType: "PREFIX_MATCH", prefix: "https://numbers.test/" }],
      ["webhook_rule"],
      [],
    ],
    ["another", [{ ...shared, matchType: "PREFIX_MATCH", prefix: "https://other.example/" }], [], []],
    ["not to be read", "forbidden", [], ["webhook_rules"]],
  ])("are seen by the dry run and the check: %s", async (_, webhookRules, codes, unchecked) => {
    const imported = await prepare();
    const { key, account, body } = imported;
    account.webhookRules = JSON.parse(
      JSON.stringify(webhookRules).replace("https://numbers.test/", new URL("/", env.PUBLIC_BASE_URL).href),
    );
    await reconcile();
    expect((await accountHealth(key))?.warnings.map(({ code }) => code)).toEqual(codes);
    await call("DELETE", NUMBER, key);
    const plan = await post("/v1/phone-numbers?dry_run=true", body, { key });
    expect(plan.status).toBe(200);
    const { warnings, ...rest } = await plan.json<{ warnings: { code: string }[]; unchecked: string[] }>();
    expect(warnings.map(({ code }) => code)).toEqual(codes);
    expect(rest.unchecked).toEqual(unchecked);
  });

  it("are asked for once a week", async () => {
    await prepare();
    for (let run = 0; run < 3; run += 1) await reconcile();
    expect(asked()).toBe(1);
    const weekAgo = new Date(Date.now() - 7 * 24 * 3_600_000).toISOString();
    await env.DB.prepare("UPDATE twilio_accounts SET webhook_rules_checked_at = ?1").bind(weekAgo).run();
    await reconcile();
    expect(asked()).toBe(2);
  });
});

describe("a number that is imported again from an unfinished release", () => {
  it("has nothing of before but its id", async () => {
    const { key, body } = await prepare();
    const [fresh] = await rows<Record<string, unknown>>("phone_numbers");
    await env.DB.prepare(
      `UPDATE phone_numbers SET state = 'releasing', lease_expires_at = '2020', next_attempt_at = '2020', recovery_attempts = 3,
         first_inbound_at = '2020', last_inbound_at = '2020', health_reasons = '["url_mismatch"]', checked_at = '2020',
         drift_policy = 'report', channels = '["voice"]', changing_channel = 'sms', repaired_at = '2020', repairs = 2, inbound_enabled = 0,
         outbound_enabled = 0, messaging_service_sid = 'MG1', messaging_service_checked_at = '2020'`,
    ).run();
    expect((await post("/v1/phone-numbers", body, { key })).status).toBe(201);
    const [again] = await rows<Record<string, unknown>>("phone_numbers");
    const changing = ["lease_holder", "created_at", "updated_at", "previous_configuration_sealed"];
    const lasting = (row: object = {}) => Object.entries(row).filter(([name]) => !changing.includes(name));
    expect(lasting(again)).toEqual(lasting(fresh));
  });
});
