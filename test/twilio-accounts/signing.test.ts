import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { PERMISSIONS } from "../../src/twilio/permissions.ts";
import { calm, disturb } from "../faults/disturb.ts";
import { nothing } from "../faults/history.ts";
import {
  ALLOWED,
  connectByKey,
  credentialOf,
  ACCOUNTS as PATH,
  ruleFor,
  type ShownAccount,
  sharedKey,
  shown,
} from "../support/api-key-account.ts";
import { deliverQueued, runCron } from "../support/consume.ts";
import { databaseBefore } from "../support/database.ts";
import { keepSecret, logLines } from "../support/logs.ts";
import { queued } from "../support/queue.ts";
import { reconcile } from "../support/reconciliation.ts";
import { twilio } from "../support/twilio.ts";
import { call, createAgent, createKey, expectError, get, type Key, post, rows } from "../support/worker.ts";
import { addApiKey } from "../twilio-simulator/api-keys.ts";
import { type Effect, effects } from "../twilio-simulator/faults.ts";
import {
  type Account,
  addAccount,
  addNumber,
  type Operation,
  type WebhookRule,
} from "../twilio-simulator/state.ts";
import { configurationOf } from "../twilio-simulator/webhook-rules.ts";

const NUMBERS = "/v1/phone-numbers";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"] });
});

const see = async (key: Key, id: string) =>
  (await (await get(`${PATH}/${id}`, key)).json<{ twilio_account: ShownAccount }>()).twilio_account;

/** A minute passes, and what waits in the queue is worked off. */
async function minute(minutes = 1): Promise<void> {
  vi.setSystemTime(Date.now() + minutes * 60_000);
  await deliverQueued();
}

/** What the account has at Twilio of the Webhooks API. */
const atTwilio = (account: Account) => {
  const { sharedKeys, settings } = configurationOf(account);
  return {
    rules: (account.webhookRules ?? []) as WebhookRule[],
    settings: settings.map(({ id }) => id),
    keys: sharedKeys.map(({ id }) => id),
  };
};
let numbers = 0;
function nextNumber(): string {
  numbers += 1;
  return `+1500555${String(numbers).padStart(4, "0")}`;
}

const NOTHING = { rules: [], settings: [], keys: [] };

/** An account with an API key, not connected yet. */
async function haveAccount(permissions?: string[]) {
  const account = addAccount(twilio.state);
  const apiKey = addApiKey(account, permissions);
  keepSecret(apiKey.secret);
  const key = await createKey();
  const connect = (overrides: Partial<Env> = {}) =>
    post(PATH, credentialOf(account, apiKey), { key, env: { ...ALLOWED, ...overrides } });
  return { account, apiKey, key, connect };
}

const list = async (key: Key) =>
  (await (await get(PATH, key)).json<{ twilio_accounts: ShownAccount[] }>()).twilio_accounts;

describe("an account whose API key may make what signs", () => {
  it("is connected within a minute, and its calls are answered then", async () => {
    const { key, account, accountId, first, body } = await connectByKey({ keysMay: true });
    expect(first).toMatchObject({ status: "connecting", to_do: [], not_made: null });
    const refused = await post(NUMBERS, body, { key });
    await expectError(refused, 409, "account_connecting");
    expect(refused.headers.get("retry-after")).toBe("30");
    expect(queued()).toMatchObject([{ kind: "recover", id: accountId }]);
    await minute();
    expect(await see(key, accountId)).toMatchObject({ status: "connected", health: "ok", to_do: [] });
    expect(queued()).toEqual([]);
    expect((await post(NUMBERS, body, { key })).status).toBe(201);
    const { answeredBy } = await twilio.ring(body.phone_number);
    expect(answeredBy).toBe("webhook");
    // The Rule that signs is no stranger's.
    await reconcile();
    expect(await rows("twilio_accounts")).toMatchObject([{ webhook_rule: null }]);
    const { rules, settings, keys } = atTwilio(account);
    expect(rules).toMatchObject([{ settings: [{ settingId: settings[0], percentage: 100 }] }]);
    expect(rules[0]).toHaveProperty("prefix", expect.stringContaining(`/webhooks/twilio/${accountId}/`));
    expect([settings.length, keys.length]).toEqual([1, 1]);
  });

  it("asks Twilio in four round trips, and once more a minute later", async () => {
    const { account, connect, key } = await haveAccount();
    const lists = ["webhook_rules", "webhook_settings", "webhook_shared_keys"];
    const asked = () => twilio.state.requests.splice(0).map(({ operation }) => operation);
    asked();
    await connect();
    expect(asked()).toEqual(["list", ...lists, "create_shared_key", "create_setting", "create_rule"]);
    await minute();
    expect(asked()).toEqual([...lists, "webhook_operations"]);
    expect((await list(key))[0]?.status).toBe("connected");
    expect(configurationOf(account).settings[0]?.connection).toMatchObject({ connectTimeoutMs: 2000 });
  });

  it("waits as long as Twilio does, and begins anew if the Rule does not come into force", async () => {
    const { account, connect, key } = await haveAccount();
    Object.assign(configurationOf(account), { propagationMs: 150_000 });
    await connect();
    await minute();
    await minute();
    expect((await list(key))[0]?.status).toBe("connecting");
    await minute();
    expect((await list(key))[0]?.status).toBe("connected");

    const other = await haveAccount();
    const configuration = configurationOf(other.account);
    configuration.fate = "FAILED";
    await other.connect();
    await minute();
    expect((await list(other.key))[0]?.status).toBe("connecting");
    delete configuration.fate;
    for (let minutes = 0; minutes < 3; minutes += 1) await minute();
    expect((await list(other.key))[0]?.status).toBe("connected");
    expect(atTwilio(other.account).rules).toHaveLength(1);
  });

  it("waits for its Setting too, of which no operation tells", async () => {
    const { key, accountId, body, connect } = await connectByKey({ keysMay: true });
    vi.setSystemTime(Date.now() + 50_000);
    await connect();
    expect(await see(key, accountId)).toMatchObject({ status: "connecting" });
    await minute();
    expect(await see(key, accountId)).toMatchObject({ status: "connected", health: "ok" });
    expect((await post(NUMBERS, body, { key })).status).toBe(201);
    expect((await twilio.ring(body.phone_number)).answeredBy).toBe("webhook");
  });

  it.each([
    { sharedKeyType: "required" as const },
    { schemeNone: "refused" as const },
    { socketFollowsRule: false },
  ])("works as well if %o", async (open) => {
    const { key, account, body, accountId, connect } = await connectByKey();
    Object.assign(configurationOf(account), { keysMay: true, ...open });
    await connect();
    await minute();
    expect(await see(key, accountId)).toMatchObject({ status: "connected", not_made: null });
    await post(NUMBERS, body, { key });
    const { conversation } = await twilio.ring(body.phone_number, { say: ["Hello?"] });
    expect(conversation.map(({ by }) => by)).toContain("agent");
  });

  it("leaves alone what others made, and takes back what it made when it is deleted", async () => {
    const { account, key, connect } = await haveAccount();
    const others: WebhookRule[] = [{ id: "webhooks_rule_theirs", matchType: "DEFAULT" }];
    account.webhookRules = [...others];
    const { twilio_account_id: id } = await shown(await connect());
    await minute();
    const [theirs] = atTwilio(account).rules;
    expect(theirs).toEqual(others[0]);
    const deleted = await call("DELETE", `${PATH}/${id}`, key);
    expect(await deleted.json()).toEqual({
      twilio_account: { twilio_account_id: id, twilio_sid: account.sid, deleted: true },
    });
    // The Setting and the key are needed until Twilio no longer applies the Rule.
    expect(atTwilio(account)).toMatchObject({ rules: others, settings: [expect.any(String)] });
    await expectError(await get(`${PATH}/${id}`, key), 404, "account_not_found");
    await minute();
    expect(atTwilio(account)).toEqual({ ...NOTHING, rules: others });
    expect(await rows("twilio_accounts")).toEqual([]);
  });

  it.each([
    ["points our Rule at a Setting of his own", { settings: [{ settingId: "theirs", percentage: 100 }] }, 0],
    [
      "has our Rule use ours and his",
      { settings: ["ours", "theirs"].map((settingId) => ({ settingId, percentage: 50 })) },
      1,
    ],
    ["gives our Rule another prefix", { prefix: "https://theirs.example/" }, 1],
  ])("keeps what its owner has made his own: he %s", async (_, changed, kept) => {
    const { account, key, connect } = await haveAccount();
    const { twilio_account_id: id } = await shown(await connect());
    await minute();
    const { rules, settings, keys } = atTwilio(account);
    const [setting] = configurationOf(account).settings;
    if (!setting) throw new Error("no Setting");
    const { signature: _ours, ...plain } = setting;
    const theirs = { ...plain, id: "webhooks_setting_theirs", friendlyName: "theirs" };
    configurationOf(account).settings.push(theirs);
    const named: Record<string, string> = { ours: setting.id, theirs: theirs.id };
    const used = "settings" in changed ? changed.settings : undefined;
    Object.assign(rules[0] ?? {}, changed, {
      ...(used && { settings: used.map((one) => ({ ...one, settingId: named[one.settingId] })) }),
    });
    expect((await call("DELETE", `${PATH}/${id}`, key)).status).toBe(200);
    await minute(3);
    await minute(3);
    expect(atTwilio(account)).toEqual({
      rules,
      settings: [...settings.slice(0, kept), theirs.id],
      keys: keys.slice(0, kept),
    });
    expect(await rows("twilio_accounts")).toEqual([]);
  });

  it("is told to be gone, and taken back, if it is disconnected while that is made", async () => {
    const { account, key, connect } = await haveAccount();
    const DB = databaseBefore("SET made_at_twilio", async () =>
      expect((await call("DELETE", `${PATH}/${account.sid}`, key)).status).toBeLessThan(500),
    );
    await expectError(await connect({ DB }), 404, "account_not_found");
    for (const _ of [1, 2, 3]) await minute(3);
    expect([atTwilio(account), await rows("twilio_accounts")]).toEqual([NOTHING, []]);
  });

  it("is deleted although the key works no longer, and its owner is told what is left", async () => {
    const { account, apiKey, key, connect } = await haveAccount();
    const { twilio_account_id: id } = await shown(await connect());
    await minute();
    const { rules, settings, keys } = atTwilio(account);
    apiKey.secret = "0".repeat(32);
    const deleted = await call("DELETE", `${PATH}/${id}`, key);
    expect(deleted.status).toBe(200);
    const { twilio_account } = await deleted.json<{
      twilio_account: { not_removed: string[]; to_do: { request: string }[] };
    }>();
    expect(twilio_account.not_removed).toEqual(["rule", "setting", "shared_key"]);
    expect(twilio_account.to_do.map(({ request }) => /Webhooks\/\w+\/(\w+)/.exec(request)?.[1])).toEqual([
      rules[0]?.id,
      settings[0],
      keys[0],
    ]);
    expect(await rows("twilio_accounts")).toEqual([]);
    expect(logLines()).toContainEqual(expect.objectContaining({ event: "signing_not_removed" }));
  });

  it("is taken back when the API key here is revoked, and when the owner goes back to the Auth Token", async () => {
    const revoked = await haveAccount();
    await revoked.connect();
    await minute();
    const headers = { authorization: `Bearer ${env.ADMIN_TOKEN}` };
    await call("DELETE", `/v1/keys/${revoked.key.key_id}`, revoked.key, undefined, { headers });
    await runCron("*/15 * * * *");
    await minute();
    await minute();
    expect(atTwilio(revoked.account)).toEqual(NOTHING);
    expect(await rows("twilio_accounts")).toEqual([]);

    const { account, key, connect } = await haveAccount();
    await connect();
    await minute();
    await post(PATH, { twilio_sid: account.sid, twilio_token: account.authToken }, { key });
    await minute();
    expect(atTwilio(account)).toEqual(NOTHING);
    expect(await list(key)).toMatchObject([{ status: "connected", credential: "auth_token" }]);
  });
});

describe("an account whose API key may not", () => {
  it("gets the requests to make it, and the permission that is missing", async () => {
    const { account, connect, key } = await haveAccount(PERMISSIONS.numbers);
    const first = await shown(await connect());
    expect(first).toMatchObject({
      status: "connecting",
      not_made: { reason: "missing_permission", twilio_code: 70051, permission: expect.any(String) },
    });
    expect(first.to_do.map(({ step }) => step)).toEqual(["shared_key", "setting", "rule", "signing_key"]);
    expect(queued()).toEqual([]);
    expect(atTwilio(account)).toEqual(NOTHING);
    expect(logLines()).toContainEqual(expect.objectContaining({ event: "signing_not_made" }));
    expect((await call("DELETE", `${PATH}/${first.twilio_account_id}`, key)).status).toBe(200);
    expect(await rows("twilio_accounts")).toEqual([]);
  });

  it.each([
    ["create_setting", effects.accountLimitReached, 59200],
    ["create_rule", effects.accountLimitReached, 59200],
    ["create_shared_key", effects.noPermission, 70051],
  ] as const)(
    "further than %s gets the same, and nothing stays at Twilio",
    async (operation, effect, code) => {
      const { account, connect } = await haveAccount();
      // A conflict is tried once more.
      twilio.faults.add({ operation, effect, times: code === 59200 ? 2 : 1 });
      expect(await shown(await connect())).toMatchObject({
        status: "connecting",
        not_made: { twilio_code: code },
        to_do: [{}, {}, {}, {}],
      });
      expect(atTwilio(account)).toEqual(NOTHING);
      // With more permission, or fewer Rules, the same request makes it.
      expect(await shown(await connect())).toMatchObject({ not_made: null, to_do: [] });
      await minute();
      expect(atTwilio(account).rules).toHaveLength(1);
    },
  );

  it("gets it if a Rule with the same address is there already", async () => {
    const { account, key, connect } = await haveAccount();
    twilio.faults.add({ operation: "create_shared_key", effect: effects.noPermission });
    const { twilio_account_id: id } = await shown(await connect());
    ruleFor(account, id, sharedKey());
    const theirs = atTwilio(account).rules;
    expect(await shown(await connect())).toMatchObject({ not_made: { twilio_code: 59103 } });
    expect(atTwilio(account)).toEqual({ ...NOTHING, rules: theirs });
    await call("DELETE", `${PATH}/${id}`, key);
    expect(atTwilio(account)).toEqual({ ...NOTHING, rules: theirs });
  });
});

describe("work on it that breaks off", () => {
  const MADE = { rules: [expect.any(Object)], settings: [expect.any(String)], keys: [expect.any(String)] };

  /** The cron runs, and the queue is worked off, until there is nothing to do. */
  async function settle(): Promise<void> {
    vi.setSystemTime(Date.now() + 5 * 60_000);
    await runCron("*/15 * * * *");
    for (let rounds = 0; rounds < 6 && queued().length > 0; rounds += 1) await minute(2);
  }

  it("is continued, wherever it was killed", async () => {
    for (let deathAfter = 0; ; deathAfter += 1) {
      const { account, key, connect } = await haveAccount();
      const dying = disturb({ ...nothing, deathAfter });
      const { status } = await connect(dying.env);
      calm();
      await settle();
      const [there] = await list(key);
      const now = atTwilio(account);
      // Not stored at all, or stored and nothing begun, or whole.
      if (there?.status === "connected") expect(now, `killed after ${deathAfter}`).toEqual(MADE);
      else expect([there?.to_do.length ?? 4, now], `killed after ${deathAfter}`).toEqual([4, NOTHING]);
      await connect();
      await settle();
      expect(atTwilio(account), `killed after ${deathAfter}, and again`).toEqual(MADE);
      if (status === 201) return expect(deathAfter).toBeGreaterThan(6);
    }
  });

  it("is taken back if the change to the Auth Token was killed, wherever", async () => {
    for (let deathAfter = 0; ; deathAfter += 1) {
      const { account, key, connect } = await haveAccount();
      await connect();
      await minute();
      const dying = disturb({ ...nothing, deathAfter });
      const token = { twilio_sid: account.sid, twilio_token: account.authToken };
      const { status } = await post(PATH, token, { key, ...dying });
      calm();
      await settle();
      const isByKey = (await list(key))[0]?.credential === "api_key";
      expect(atTwilio(account), `killed after ${deathAfter}`).toEqual(isByKey ? MADE : NOTHING);
      if (status === 200) return;
    }
  });

  it("is taken back, wherever that was killed", async () => {
    for (let deathAfter = 0; ; deathAfter += 1) {
      const { account, key, connect } = await haveAccount();
      const { twilio_account_id: id } = await shown(await connect());
      await settle();
      const dying = disturb({ ...nothing, deathAfter });
      const { status } = await call("DELETE", `${PATH}/${id}`, key, undefined, dying);
      calm();
      await settle();
      if ((await list(key)).length > 0) {
        expect(atTwilio(account), `killed after ${deathAfter}`).toEqual(MADE);
        await call("DELETE", `${PATH}/${id}`, key);
        await settle();
      }
      expect(atTwilio(account), `killed after ${deathAfter}`).toEqual(NOTHING);
      if (status === 200) return expect(deathAfter).toBeGreaterThan(3);
    }
  });

  it.each([
    ...["webhook_rules", "create_shared_key", "create_setting", "create_rule", "webhook_operations"],
    ...["delete_rule", "delete_setting", "delete_shared_key"],
  ] as Operation[])("is done again if Twilio's answer to %s is lost, or comes late", async (operation) => {
    for (const effect of [effects.replyLost, effects.appliedBehindGateway, effects.transactionConflict]) {
      const { account, key, connect } = await haveAccount();
      twilio.faults.add({ operation, effect, times: 2 });
      const { twilio_account_id: id } = await shown(await connect());
      await settle();
      expect(atTwilio(account), `${effect.kind} ${operation}`).toEqual(MADE);
      await call("DELETE", `${PATH}/${id}`, key);
      await settle();
      expect(atTwilio(account), `${effect.kind} ${operation}`).toEqual(NOTHING);
    }
  });

  it("goes on for a week at most", async () => {
    const { account, key, connect } = await haveAccount();
    const { twilio_account_id: id } = await shown(await connect());
    await minute();
    twilio.faults.add({ effect: effects.serverErrorHtml, times: null });
    await call("DELETE", `${PATH}/${id}`, key);
    await settle();
    expect(await rows("twilio_accounts")).toHaveLength(1);
    expect(logLines()).toContainEqual(expect.objectContaining({ event: "signing_postponed" }));
    vi.setSystemTime(Date.now() + 8 * 24 * 3_600_000);
    await settle();
    expect(await rows("twilio_accounts")).toEqual([]);
    expect(atTwilio(account)).toEqual(MADE);
  });

  it("ends well, whatever came before", async () => {
    const act = fc.record({
      kind: fc.constantFrom("connect", "connect", "token", "delete", "minute", "others", "ring"),
      deathAfter: fc.option(fc.nat(14), { freq: 3 }),
      fault: fc.option(
        fc.record({
          operation: fc.constantFrom<Operation>(
            "create_shared_key",
            "create_setting",
            "create_rule",
            "delete_rule",
          ),
          effect: fc.constantFrom<Effect>(
            effects.replyLost,
            effects.appliedBehindGateway,
            effects.webhooksBusy,
          ),
        }),
        { freq: 3 },
      ),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 2, maxLength: 7 }), async (acts) => {
        const { account, apiKey, key, connect } = await haveAccount();
        const { phone_number } = addNumber(twilio.state, account, { phone_number: nextNumber() });
        const agent_id = await createAgent(key);
        const theirs: WebhookRule[] = [];
        for (const { kind, deathAfter, fault } of acts) {
          const dying = disturb({ ...nothing, twilio: fault ? [fault] : [], deathAfter });
          if (kind === "connect") await connect(dying.env);
          if (kind === "token")
            await post(PATH, { twilio_sid: account.sid, twilio_token: account.authToken }, { key, ...dying });
          for (const { twilio_account_id } of kind === "delete" ? await list(key) : [])
            await call("DELETE", `${PATH}/${twilio_account_id}`, key, undefined, dying);
          calm();
          if (kind === "minute") await minute();
          if (kind === "others" && theirs.length === 0) {
            // Somebody else's rule, for another address.
            theirs.push({
              id: `rule_${phone_number}`,
              matchType: "PREFIX_MATCH",
              prefix: "https://o.example/",
            });
            account.webhookRules = [...atTwilio(account).rules, ...theirs];
          }
          if (kind !== "ring") continue;
          // Whoever is imported is answered, by whatever signs at this moment.
          const imported = await post(NUMBERS, { phone_number, twilio_sid: account.sid, agent_id }, { key });
          if (imported.status !== 201) continue;
          expect((await twilio.ring(phone_number)).answeredBy).toBe("webhook");
          await call("DELETE", `${NUMBERS}/${phone_number}`, key);
        }
        await twilio.finishLate();
        await settle();
        const [there] = await list(key);
        const { rules, ...others } = atTwilio(account);
        expect(rules).toEqual(expect.arrayContaining(theirs));
        const now = { ...others, rules: rules.filter((rule) => !theirs.some(({ id }) => id === rule.id)) };
        const isByKey = there?.credential === "api_key" && there.status === "connected";
        expect(now, `${apiKey.sid} ${there?.status}`).toEqual(isByKey ? MADE : NOTHING);
      }),
      { numRuns: 5 },
    );
  });
});
