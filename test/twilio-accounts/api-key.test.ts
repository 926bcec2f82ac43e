import { describe, expect, it, vi } from "vitest";
import { PERMISSIONS } from "../../src/twilio/permissions.ts";
import { type SigningKey, signingKeysAfter } from "../../src/twilio-accounts/credential.ts";
import {
  ACCOUNTS,
  ALLOWED,
  connectByKey,
  credentialOf,
  haveImportedByKey,
  ruleFor,
  sharedKey,
  shown,
  signedBy,
} from "../support/api-key-account.ts";
import { prepareImport } from "../support/import.ts";
import { expectLine, keepSecret, logLines } from "../support/logs.ts";
import { haveModel } from "../support/model.ts";
import { reconcile } from "../support/reconciliation.ts";
import { operations, twilio } from "../support/twilio.ts";
import {
  BASE,
  call,
  createAgent,
  createKey,
  expectError,
  get,
  type Key,
  post,
  rows,
  send,
} from "../support/worker.ts";
import { addApiKey } from "../twilio-simulator/api-keys.ts";
import { addAccount, addNumber } from "../twilio-simulator/state.ts";
import { configurationOf } from "../twilio-simulator/webhook-rules.ts";

const NUMBERS = "/v1/phone-numbers";

const one = async (key: Key, accountId: string) => shown(await get(`${ACCOUNTS}/${accountId}`, key));
const ring = async (phoneNumber: string) => (await twilio.ring(phoneNumber, {})).exchanges[0]?.status;

describe("the SharedKeys that count", () => {
  const [a, b, c] = ["a", "b", "c"].map((id) => ({ id, key: `of ${id}` })) as [
    SigningKey,
    SigningKey,
    SigningKey,
  ];
  const old = (key: SigningKey, until = "1") => ({ ...key, until });
  it.each<[string, SigningKey[], boolean, SigningKey | undefined, SigningKey[]]>([
    ["the first", [], true, a, [a]],
    ["none with a new API key", [], true, undefined, []],
    ["the same again", [a, old(b)], true, a, [a, old(b)]],
    ["the same id with another secret", [a], true, { ...a, key: "x" }, [{ ...a, key: "x" }]],
    ["a new one", [a], true, b, [b, old(a, "2")]],
    ["two at most", [b, old(a)], true, c, [c, old(b, "2")]],
    ["the Auth Token again", [a], false, undefined, [old(a, "2")]],
    ["and the API key again", [old(a)], true, undefined, [a]],
  ])("%s", (_, before, isByApiKey, given, after) => {
    expect(signingKeysAfter(before, isByApiKey, given, "2")).toEqual(after);
  });
});

describe("an account that is connected by an API key", () => {
  it("is tried, kept sealed, and says what is left to do, with its own prefix", async () => {
    const { account, apiKey, first, accountId, key, connect } = await connectByKey();
    expect(operations()).toEqual(["list"]);
    expect(first).toMatchObject({
      credential: "api_key",
      signed_by: "shared_key",
      status: "connecting",
      health: "signatures_unproven",
      friendly_name: null,
    });
    const { to_do } = first;
    expect(to_do.map(({ step }) => step)).toEqual(["shared_key", "setting", "rule", "signing_key"]);
    expect(to_do[2]?.request).toContain(`"prefix":"${BASE}/webhooks/twilio/${accountId}/"`);
    expect(JSON.stringify(to_do)).not.toContain(apiKey.secret);
    const signing = sharedKey();
    const again = await connect(signedBy(signing));
    expect([again.status, await shown(again)]).toMatchObject([
      200,
      { status: "connecting", to_do: [{ step: "shared_key" }, { step: "setting" }, { step: "rule" }] },
    ]);
    const kept = JSON.stringify(await rows("twilio_accounts"));
    for (const secret of [apiKey.secret, signing.secret]) expect(kept).not.toContain(secret);
    expect(kept).toContain(apiKey.sid);
    expect((await one(key, account.sid)).twilio_account_id).toBe(accountId);
  });

  it("only where the operator allows it, and with what belongs together", async () => {
    const { account, key } = await prepareImport();
    const apiKey = addApiKey(account);
    const sent = credentialOf(account, apiKey);
    await expectError(await post(ACCOUNTS, sent, { key }), 403, "api_keys_disabled");
    const by = (body: object) => post(ACCOUNTS, { twilio_sid: account.sid, ...body }, { key, env: ALLOWED });
    const fields = async (body: object, code = "missing_field" as const) =>
      (await expectError(await by(body), 400, code)).details.fields;
    expect(await fields({ twilio_api_key_sid: apiKey.sid })).toEqual(["twilio_api_key_secret"]);
    expect(await fields({ ...sent, webhook_signing_key: "s" })).toEqual(["webhook_signing_key_id"]);
    expect(await fields({ webhookSigningKeyId: "k", webhookSigningKey: "s" })).toEqual([
      "twilio_api_key_sid",
      "twilio_api_key_secret",
    ]);
    const both = await expectError(await by({ ...sent, twilio_token: "t" }), 400, "invalid_field");
    expect(both.details.fields).toEqual(["twilio_token"]);
    await expectError(await by({ ...sent, twilio_api_key_sid: "SK1" }), 400, "invalid_field");
    expect(operations()).toEqual([]);
  });

  it("imports nothing before a SharedKey is known, and is connected by the first request that it signed", async () => {
    const { key, body, accountId, account, connect } = await connectByKey();
    for (const path of [NUMBERS, `${NUMBERS}?dry_run=true`])
      await expectError(await post(path, body, { key }), 409, "signing_key_missing");
    const signing = sharedKey();
    // The key alone: the API key is stored.
    const alone = { twilio_sid: account.sid, ...signedBy(signing) };
    expect((await post(ACCOUNTS, alone, { key, env: ALLOWED })).status).toBe(200);
    expect((await post(NUMBERS, body, { key })).status).toBe(201);
    const health = async () =>
      (
        await (
          await get(`${NUMBERS}/${encodeURIComponent(body.phone_number)}`, key)
        ).json<{
          phone_number: { health: string };
        }>()
      ).phone_number.health;
    expect(await health()).toBe("signatures_unproven");
    // The Rule is not in force yet: the Auth Token signs, which nobody here has.
    expect(await ring(body.phone_number)).toBe(403);
    expect(await one(key, accountId)).toMatchObject({ status: "connecting" });
    ruleFor(account, accountId, signing);
    expect(await ring(body.phone_number)).toBe(200);
    await vi.waitFor(async () =>
      expect(await one(key, accountId)).toMatchObject({ status: "connected", health: "ok", to_do: [] }),
    );
    expect(await health()).toBe("ok");
    // A sent-again credential changes nothing.
    expect(await shown(await connect(signedBy(signing)))).toMatchObject({ status: "connected" });
    await reconcile();
    expect(await one(key, accountId)).toMatchObject({ status: "connected" });
  });

  it("takes either hash, and during a rotation either key, for a day", async () => {
    const { key, body, account, accountId, connect, signing } = await haveImportedByKey();
    expect(await ring(body.phone_number)).toBe(200);
    const next = sharedKey("HMAC_SHA1");
    expect(await shown(await connect(signedBy(next)))).toMatchObject({ status: "connecting" });
    // Two Settings share the traffic.
    for (const half of [signing, next, signing, next]) {
      ruleFor(account, accountId, half);
      expect(await ring(body.phone_number)).toBe(200);
    }
    await vi.waitFor(async () => expect((await one(key, accountId)).status).toBe("connected"));
    const later = new Date(Date.now() + 25 * 60 * 60 * 1000);
    vi.useFakeTimers({ now: later, toFake: ["Date"] });
    ruleFor(account, accountId, signing);
    for (const _ of [1, 2, 3]) expect(await ring(body.phone_number)).toBe(403);
    await vi.waitFor(async () => expect((await one(key, accountId)).health).toBe("signed_by_other_key"));
    expectLine("signature_refused", { reason: "signed_by_other_key", shared_key: signing.id });
    ruleFor(account, accountId, next);
    expect(await ring(body.phone_number)).toBe(200);
    await vi.waitFor(async () => expect((await one(key, accountId)).health).toBe("ok"));
    vi.useRealTimers();
  });

  it("may come after the Auth Token and go back to it, and no call is lost within a day", async () => {
    const { account, body, key } = await prepareImport();
    expect((await post(NUMBERS, body, { key })).status).toBe(201);
    const apiKey = addApiKey(account);
    const signing = sharedKey();
    const sent = { ...credentialOf(account, apiKey), ...signedBy(signing) };
    const { twilio_account_id: accountId, status } = await shown(
      await post(ACCOUNTS, sent, { key, env: ALLOWED }),
    );
    expect(status).toBe("connecting");
    expect(await ring(body.phone_number)).toBe(200);
    // The token was right, and proves nothing of the SharedKey.
    await Promise.resolve();
    expect(await one(key, accountId)).toMatchObject({ status: "connecting" });
    ruleFor(account, accountId, signing);
    expect(await ring(body.phone_number)).toBe(200);
    await vi.waitFor(async () => expect((await one(key, accountId)).status).toBe("connected"));
    const back = { twilio_sid: account.sid, twilio_token: account.authToken };
    expect(await shown(await post(ACCOUNTS, back, { key }))).toMatchObject({
      credential: "auth_token",
      signed_by: "auth_token",
      status: "connected",
    });
    expect(await ring(body.phone_number)).toBe(200);
    account.webhookRules = [];
    expect(await ring(body.phone_number)).toBe(200);
  });

  it.each([true, false])(
    "talks, whether or not the WebSocket's handshake follows the Rule: %s",
    async (follows) => {
      haveModel();
      const agent = { system_prompt: "Acme is open from nine to five.", welcome_message: "Hello." };
      const { key, account, body, accountId } = await haveImportedByKey({ agent });
      configurationOf(account).socketFollowsRule = follows;
      const { conversation, documents } = await twilio.ring(body.phone_number, {
        say: ["When are you open?"],
      });
      expect(conversation.at(-1)?.text).toContain("nine to five");
      await vi.waitFor(async () => expect(await one(key, accountId)).toMatchObject({ health: "ok" }));

      // Nobody can make such a URL, or use it for another call, or later.
      const [, url = ""] = /url="(wss:[^"]*)"/.exec(documents[0] ?? "") ?? [];
      const open = (at: string) =>
        send(
          new Request(at.replace("wss:", "https:"), {
            headers: { upgrade: "websocket", "x-twilio-signature": "x" },
          }),
        );
      // The call is over, and nothing else is wrong.
      expect((await open(url)).status).toBe(404);
      const [, until = "", mac = ""] = /\.([0-9a-z]+)-([0-9a-f]+)$/.exec(url) ?? [];
      for (const forged of [
        url.replace(/CA[0-9a-f]{32}/, `CA${"0".repeat(32)}`),
        url.replace(until, `${until}0`),
        url.replace(mac, `${mac.slice(1)}0`),
        url.replace(`.${until}-${mac}`, ""),
      ])
        await expectError(await open(forged), 403, "invalid_signature");
      vi.useFakeTimers({ now: Date.now() + 5 * 60 * 60 * 1000, toFake: ["Date"] });
      await expectError(await open(url), 403, "invalid_signature");
      vi.useRealTimers();
    },
  );

  it("is one key's: a Rule for it leaves another key's calls as they are", async () => {
    const { account, body } = await haveImportedByKey();
    const other = await createKey();
    const number = addNumber(twilio.state, account, { phone_number: "+15005550001" });
    const sent = {
      phone_number: number.phone_number,
      agent_id: await createAgent(other),
      twilio_sid: account.sid,
    };
    expect((await post(NUMBERS, { ...sent, twilio_token: account.authToken }, { key: other })).status).toBe(
      201,
    );
    expect(await ring(body.phone_number)).toBe(200);
    expect(await ring(number.phone_number)).toBe(200);
  });

  it("is not changed by an Auth Token that comes another way", async () => {
    const { key, body, account } = await haveImportedByKey();
    addNumber(twilio.state, account, { phone_number: "+15005550001" });
    const token = { twilio_token: account.authToken };
    const other = { ...body, phone_number: "+15005550001", ...token };
    const bulk = {
      items: [{ phone_number: other.phone_number }],
      agent_id: body.agent_id,
      twilio_sid: account.sid,
    };
    const number = `${NUMBERS}/${encodeURIComponent(body.phone_number)}`;
    for (const response of [
      await post(NUMBERS, other, { key }),
      await post(`${NUMBERS}?dry_run=true`, other, { key }),
      await post("/v1/phone-number-imports", { ...bulk, ...token }, { key }),
      await call("PATCH", number, key, token),
      await call("PATCH", `${number}?dry_run=true`, key, token),
    ])
      await expectError(response, 409, "account_uses_api_key");
    expect(await rows("twilio_accounts")).toMatchObject([{ api_key_sid: expect.stringMatching(/^SK/) }]);
  });

  it("knows nothing of subaccounts, and says so", async () => {
    const { key, account, body, accountId, connect } = await connectByKey();
    const subaccount = addAccount(twilio.state, { ownerSid: account.sid });
    keepSecret(subaccount.authToken);
    const path = `${ACCOUNTS}/${accountId}/available-numbers`;
    await expectError(await get(`${path}?include_subaccounts=true`, key), 400, "needs_auth_token");
    expect((await get(path, key)).status).toBe(200);
    await connect(signedBy(sharedKey()));
    const bulk = { all: true, include_subaccounts: true, agent_id: body.agent_id };
    await expectError(await post("/v1/phone-number-imports", bulk, { key }), 400, "needs_auth_token");
  });

  it("is refused with what it lacks, and the least that it needs", async () => {
    const { account, key } = await prepareImport();
    const refused = async (permissions: string[] | undefined, secret?: string) => {
      const apiKey = addApiKey(account, permissions);
      const sent = credentialOf(account, { ...apiKey, ...(secret && { secret }) });
      return expectError(
        await post(ACCOUNTS, sent, { key, env: ALLOWED }),
        401,
        secret ? "twilio_auth_failed" : "twilio_invalid_credentials",
      );
    };
    expect((await refused([])).details).toMatchObject({
      reason: "missing_permission",
      permission: "/twilio/phone-numbers/active-numbers/list",
      least_policy: { allow: PERMISSIONS.numbers },
    });
    expect((await refused(undefined, "wrong")).details).toMatchObject({ reason: "wrong_api_key" });
  });

  it("may be Restricted to the least: what it may not read is unchecked, and not ill health", async () => {
    const numbers = [...PERMISSIONS.numbers];
    const { body, key, account } = await haveImportedByKey({ permissions: numbers });
    const second = addNumber(twilio.state, account, { phone_number: "+15005550001" });
    const preview = await post(
      `${NUMBERS}?dry_run=true`,
      { ...body, phone_number: second.phone_number },
      { key },
    );
    expect(await preview.json()).toMatchObject({
      unchecked: expect.arrayContaining(["region", "account", "webhook_rules", "messaging_service"]),
    });
    expect(await ring(body.phone_number)).toBe(200);
    const number = async () =>
      (
        await (
          await get(`${NUMBERS}/${encodeURIComponent(body.phone_number)}`, key)
        ).json<{ phone_number: object }>()
      ).phone_number;
    await vi.waitFor(async () => expect(await number()).toMatchObject({ health: "ok" }));
    vi.useFakeTimers({ now: Date.now() + 8 * 24 * 60 * 60 * 1000, toFake: ["Date"] });
    await reconcile();
    expect(await number()).toMatchObject({ health: "ok" });
    expect(logLines().map(({ event }) => event)).not.toContain("routing_not_checked");
    vi.useRealTimers();
    const outbound = await post(
      "/v1/calls/outbound",
      { agent_id: body.agent_id, from_number: body.phone_number, to_number: "+447700900123" },
      { key },
    );
    const lacking = await expectError(outbound, 401, "twilio_invalid_credentials");
    expect(lacking.details).toMatchObject({
      permission: "/twilio/voice/calls/create",
      least_policy: { allow: [...PERMISSIONS.numbers, ...PERMISSIONS.calls] },
    });
    expect(lacking.message).toContain("least_policy");
  });
});
