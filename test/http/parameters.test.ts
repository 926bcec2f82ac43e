import { beforeEach, describe, expect, it } from "vitest";
import { app } from "../../src/app.ts";
import { parametersOf } from "../../src/http/query.ts";
import { operations as documented } from "../support/document.ts";
import { prepareImport } from "../support/import.ts";
import { operations, twilio } from "../support/twilio.ts";
import { call, createKey, expectError, get, type Key, rows, send } from "../support/worker.ts";

const NUMBER = "/v1/phone-numbers/%2B447446466847";

let key: Key;

beforeEach(async () => {
  key = await createKey();
});

describe("query parameters", () => {
  it("that are allowed are those that the document describes", () => {
    const described = documented
      .filter(({ path }) => path.startsWith("/v1/"))
      .map(
        ({ method, path, parameters = [] }) =>
          [
            `${method} ${path.replace(/\{(\w+)\}/g, ":$1")}`,
            parameters.filter((parameter) => parameter.in === "query").map(({ name }) => name),
          ] as const,
      )
      .filter(([, names]) => names.length > 0);
    const sorted = (entries: readonly (readonly [string, readonly string[]])[]) =>
      Object.fromEntries(entries.map(([route, names]) => [route, [...names].sort()]));
    const taken = Map.groupBy(
      app.routes.filter(({ path }) => path.startsWith("/v1/")),
      ({ method, path }) => `${method} ${path}`,
    );
    const parameters = [...taken]
      .map(([route, handlers]) => [route, parametersOf(handlers.map(({ handler }) => handler))] as const)
      .filter(([, names]) => names.length > 0);
    expect(parameters.length).toBeGreaterThan(10);
    expect(sorted(described)).toEqual(sorted(parameters));
  });

  it.each<[string, string, string[], Record<string, string> | undefined]>([
    ["GET", "/v1/agents?limt=5", ["limt"], { limt: "limit" }],
    ["GET", "/v1/agents?agentName=x&offset=0", ["agentName"], undefined],
    ["GET", "/v1/phone-numbers?agentId=x", ["agentId"], { agentId: "agent_id" }],
    ["GET", `${NUMBER}?dry_run=true`, ["dry_run"], undefined],
    ["DELETE", "/v1/agents/agent_0000000000000000?dry_run=true", ["dry_run"], undefined],
    ["DELETE", `${NUMBER}?dry-run=true`, ["dry-run"], { "dry-run": "dry_run" }],
    ["POST", `${NUMBER}/check?dryRun=1`, ["dryRun"], undefined],
    ["GET", "/v1/account/health?__proto__=1", ["__proto__"], undefined],
  ])("that are unknown are refused: %s %s", async (method, path, parameters, nearest) => {
    const error = await expectError(await call(method, path, key), 400, "unknown_parameter");
    expect(error.details).toEqual({ parameters, ...(nearest && { did_you_mean: nearest }) });
    if (nearest) expect(error.message).toContain(Object.values(nearest)[0]);
    if (/dry/i.test(parameters[0] ?? "") && !nearest) expect(error.message).toContain("no dry run");
  });

  it("are nobody's business where there is no route, and on Twilio's webhooks", async () => {
    await expectError(await call("GET", "/v1/nothing?x=1", key), 404, "not_found");
    const webhook = `/webhooks/twilio/twa_0/num_${"0".repeat(48)}/voice?x=1`;
    await expectError(await call("GET", webhook, key), 403, "invalid_signature");
  });

  it("of a list have bounds, and a limit of any length counts as 100", async () => {
    const page = await get(`/v1/agents?limit=${"9".repeat(40)}`, key);
    expect(await page.json()).toMatchObject({ limit: 100 });
    await expectError(await get("/v1/agents?offset=1000001", key), 400, "invalid_parameter");
    expect(await (await get("/v1/agents?offset=1000000", key)).json()).toMatchObject({ offset: 1_000_000 });
  });
});

describe("dry_run", () => {
  const untouched = async () => {
    expect(operations()).not.toContain("update");
    expect(await rows("phone_numbers")).toEqual([]);
  };

  it.each<[string, Record<string, unknown>]>([
    ["?dry_run=true", {}],
    ["?dry_run=1", {}],
    ["?dry_run=", {}],
    ["?dry_run", {}],
    ["?dryRun=true", {}],
    ["", { dry_run: true }],
    ["", { dryRun: true }],
    ["", { dry_run: "true" }],
    ["", { dryRun: 1 }],
    ["", { dry_run: "" }],
    ["?dry_run=true", { dry_run: true }],
  ])("of an import counts wherever it stands: %s %j", async (query, fields) => {
    const { key: owner, body } = await prepareImport();
    const response = await call("POST", `/v1/phone-numbers${query}`, owner, { ...body, ...fields });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ dry_run: true });
    await untouched();
  });

  it.each<[string, Record<string, unknown>]>([
    ["?dry_run=yes", {}],
    ["?dry_run=TRUE", {}],
    ["?dry_run=true&dry_run=false", {}],
    ["?dry_run=true&dryRun=false", {}],
    ["?dry_run=false", { dry_run: true }],
    ["", { dry_run: "yes" }],
    ["", { dry_run: {} }],
    ["", { dry_run: true, dryRun: false }],
  ])("that is unclear does nothing: %s %j", async (query, fields) => {
    const { key: owner, body } = await prepareImport();
    const response = await call("POST", `/v1/phone-numbers${query}`, owner, { ...body, ...fields });
    expect((await expectError(response, 400, "invalid_parameter")).details).toEqual({
      parameters: ["dry_run"],
      fields: ["dry_run"],
      problems: [{ field: "dry_run", problem: "not_allowed", allowed: [true, false] }],
    });
    await untouched();
  });

  it.each<[string, Record<string, unknown>]>([
    ["?dry_run=false", {}],
    ["?dryRun=0", {}],
    ["", { dry_run: false }],
    ["", { dry_run: null }],
  ])("that is false imports: %s %j", async (query, fields) => {
    const { key: owner, body } = await prepareImport();
    const response = await call("POST", `/v1/phone-numbers${query}`, owner, { ...body, ...fields });
    expect(response.status).toBe(201);
  });

  it("in a body of what has none is refused, never ignored", async () => {
    const response = await call("POST", "/v1/agents", key, { name: "A", dryRun: true });
    expect((await expectError(response, 400, "unknown_parameter")).details).toEqual({
      parameters: ["dry_run"],
    });
    expect(await rows("agents")).toEqual([]);
  });

  it("of a release says what would be restored, and changes nothing", async () => {
    const {
      key: owner,
      body,
      number,
    } = await prepareImport({
      voice_url: "https://old.example/voice?key=secret",
      sms_url: "",
      status_callback: "",
    });
    await call("POST", "/v1/phone-numbers", owner, body);
    const before = structuredClone(twilio.state.numbers.get(number.sid));
    const ask = [
      call("DELETE", `${NUMBER}?dry_run=true`, owner),
      call("DELETE", `${NUMBER}?dryRun`, owner),
      call("DELETE", NUMBER, owner, { dry_run: true }),
    ];
    for (const response of await Promise.all(ask)) {
      expect(response.status).toBe(200);
      expect(await response.json()).toMatchObject({
        dry_run: true,
        phone_number: {
          phone_number: number.phone_number,
          deleted: false,
          twilio: { voice: "restored", sms: "cleared", status_callback: "cleared" },
        },
        changes: expect.arrayContaining([
          expect.objectContaining({ field: "voice_url", new: "https://old.example/voice?[redacted]" }),
        ]),
      });
    }
    expect(twilio.state.numbers.get(number.sid)).toEqual(before);
    expect(await rows("phone_numbers")).toMatchObject([{ state: "active", lease_expires_at: null }]);
    const unclear = await call("DELETE", NUMBER, owner, { dry_run: "perhaps" });
    await expectError(unclear, 400, "invalid_parameter");
    expect((await get(NUMBER, owner)).status).toBe(200);
  });

  it("of a release that Twilio would not help with says why", async () => {
    const { key: owner, body, account } = await prepareImport();
    await call("POST", "/v1/phone-numbers", owner, body);
    account.authToken = "f".repeat(32);
    const response = await call("DELETE", `${NUMBER}?dry_run=true`, owner);
    expect(await response.json()).toMatchObject({
      dry_run: true,
      phone_number: { twilio: { voice: "unreachable" }, reason: "twilio_auth_failed" },
      changes: [],
    });
    const unknown = await call("DELETE", "/v1/phone-numbers/%2B15005559999?dry_run=true", owner);
    await expectError(unknown, 404, "number_not_found");
  });

  it("of a change says what would change, and tries a new token without keeping it", async () => {
    const { key: owner, body, account } = await prepareImport();
    await call("POST", "/v1/phone-numbers", owner, body);
    const before = [await rows("phone_numbers"), await rows("twilio_accounts")];
    account.secondaryAuthToken = "a".repeat(32);
    const change = {
      inbound_enabled: false,
      outbound_enabled: true,
      twilio_token: account.secondaryAuthToken,
      dry_run: true,
    };
    const response = await call("PATCH", NUMBER, owner, change);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      dry_run: true,
      phone_number: { inbound_enabled: true },
      changes: [
        { field: "inbound_enabled", present: true, new: false },
        { field: "twilio_token", present: "[redacted]", new: "[redacted]" },
      ],
    });
    expect([await rows("phone_numbers"), await rows("twilio_accounts")]).toEqual(before);
    const refused = await call("PATCH", `${NUMBER}?dry_run=true`, owner, { twilio_token: "b".repeat(32) });
    expect(refused.status).toBe(401);
  });
});

describe("a request that is nearly right", () => {
  it("a PATCH without a known field names what it sent", async () => {
    const { key: owner, body } = await prepareImport();
    await call("POST", "/v1/phone-numbers", owner, body);
    const response = await call("PATCH", NUMBER, owner, { enabled: false, color: "red" });
    const error = await expectError(response, 400, "missing_field");
    expect(error.details).toMatchObject({ unknown_fields: ["enabled", "color"] });
    expect(error.message).toContain("enabled, color");
    await expectError(await call("PATCH", NUMBER, owner, { dry_run: true }), 400, "missing_field");
  });

  it.each<[string, string | undefined, RegExp]>([
    ["+44 7446 466847", "+447446466847", /contains spaces/],
    ["+44 (7446) 466-847", "+447446466847", /contains separators/],
    ["00447446466847", "+447446466847", /begins with 00/],
    ["+44 (0)20 7946 0958", "+442079460958", /within the country/],
    ["+44 (0)7446 466847", "+447446466847", /within the country/],
    ["0044 (0)7446 466847", "+447446466847", /within the country/],
    ["+44 0 20 7946 0958", "+442079460958", /within the country/],
    ["+33 (0)1 23 45 67 89", "+33123456789", /within the country/],
    ["+49 (0) 30 901820", "+4930901820", /within the country/],
    ["+39 06 1234 5678", "+390612345678", /contains spaces/],
    ["+39 (0)6 1234 5678", undefined, /E\.164/],
    ["+1 (0)415 555 0100", undefined, /E\.164/],
    ["tel:+14155550100", "+14155550100", /more than the number/],
    ["'+447446466847", "+447446466847", /more than the number/],
    ['="+447446466847"', "+447446466847", /more than the number/],
    ["\uff0b447446466847", "+447446466847", /more than the number/],
    ["011 44 7446 466847", undefined, /E\.164/],
    ["07446466847", undefined, /E\.164/],
    ["+44 7446 46684x", undefined, /E\.164/],
  ])("a number that is not E.164: %s", async (phone_number, suggestion, message) => {
    const { key: owner, body } = await prepareImport();
    const response = await call("POST", "/v1/phone-numbers", owner, { ...body, phone_number });
    const error = await expectError(response, 400, "invalid_phone_format");
    expect(error.details).toEqual({
      fields: ["phone_number"],
      problems: [{ field: "phone_number", problem: "malformed" }],
      ...(suggestion && { suggestion }),
    });
    expect(error.message).toMatch(message);
    if (suggestion) expect(error.message).toContain(suggestion);
    const inPath = await get(`/v1/phone-numbers/${encodeURIComponent(phone_number)}`, owner);
    expect((await expectError(inPath, 400, "invalid_phone_format")).details).toEqual(
      suggestion ? { suggestion } : {},
    );
  });

  it.each<[string, RegExp]>([
    ["Bearer foo", /no API key/],
    [`Bearer nxf_${"0".repeat(32)}`, /key id is there/],
    [`Bearer nxf_${"0".repeat(32)}:`, /key id is there/],
    [`Bearer nxfs_${"0".repeat(64)}`, /only a key secret/],
  ])(
    "an Authorization header without both halves says what is missing: %s",
    async (authorization, message) => {
      const request = new Request("https://numbers.example.com/v1/agents", { headers: { authorization } });
      expect((await expectError(await send(request), 401, "key_secret_required")).message).toMatch(message);
    },
  );

  it("an import by the longer names of the public SDKs is understood", async () => {
    const { key: owner, body } = await prepareImport();
    const { twilio_sid: twilio_account_sid, twilio_token: twilio_auth_token, ...others } = body;
    const response = await call("POST", "/v1/phone-numbers", owner, {
      ...others,
      twilio_account_sid,
      twilio_auth_token,
    });
    expect(response.status).toBe(201);
  });
});

describe("the list of numbers", () => {
  it("is filtered by agent, Twilio account and health, together too", async () => {
    const { key: owner, body } = await prepareImport();
    await call("POST", "/v1/phone-numbers", owner, body);
    const count = async (query: string) =>
      (await (await get(`/v1/phone-numbers${query}`, owner)).json<{ count: number }>()).count;
    expect(await count(`?twilio_sid=${body.twilio_sid}&agent_id=${body.agent_id}&health=ok`)).toBe(1);
    expect(await count(`?twilio_sid=AC${"9".repeat(32)}`)).toBe(0);
    expect(await count("?health=url_mismatch")).toBe(0);
    await expectError(await get("/v1/phone-numbers?health=fine", owner), 400, "invalid_parameter");
  });

  it("counts what is wrong with the account as each number's", async () => {
    const { key: owner, body, account } = await prepareImport();
    await call("POST", "/v1/phone-numbers", owner, body);
    account.authToken = "e".repeat(32);
    await call("POST", `${NUMBER}/check`, owner);
    const list = await get("/v1/phone-numbers?health=credentials_rejected", owner);
    expect(await list.json()).toMatchObject({
      count: 1,
      phone_numbers: [{ health: "credentials_rejected" }],
    });
    expect(await (await get("/v1/phone-numbers?health=ok", owner)).json()).toMatchObject({ count: 0 });
  });
});
