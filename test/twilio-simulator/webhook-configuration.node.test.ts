import twilio from "twilio";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { effects } from "./faults.ts";
import { createSimulator, type Simulator } from "./simulator.ts";
import { type Account, addAccount, addNumber } from "./state.ts";
import { configurationOf } from "./webhook-rules.ts";

// The Webhooks configuration API of the simulator, by Twilio's own SDK: its requests, its answers, and who signs then.

const PREFIX = "https://numbers.example/webhooks/twilio/twa_1/";
const CONNECTION = { connectTimeoutMs: 2000, readTimeoutMs: 5000 };

let simulator: Simulator;
let account: Account;
let sent: Request[];
let answer: () => Response;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"] });
  sent = [];
  answer = () => new Response("<Response/>", { headers: { "content-type": "text/xml" } });
  simulator = createSimulator(async (request) => {
    sent.push(request);
    return answer();
  });
  account = addAccount(simulator.state);
});
afterEach(() => vi.useRealTimers());

/** Twilio's SDK, but its requests go to the simulator. */
function api() {
  const httpClient = new twilio.RequestClient();
  httpClient.request = async ({ method, uri, params, data, headers }) => {
    const url = new URL(uri);
    for (const [name, value] of Object.entries(params ?? {})) url.searchParams.set(name, String(value));
    const authorization = `Basic ${btoa(`${account.sid}:${account.authToken}`)}`;
    const hasBody = method === "post" || method === "patch";
    const response = await simulator.fetch(
      new Request(url, {
        method: method.toUpperCase(),
        headers: { ...(headers as Record<string, string>), authorization },
        ...(hasBody && { body: JSON.stringify(data) }),
      }),
    );
    const body = await response.text();
    return { statusCode: response.status, body: body === "" ? "" : JSON.parse(body), headers: {} } as never;
  };
  return twilio(account.sid, account.authToken, { httpClient }).webhooks.v1;
}

const settingOf = (sharedKeyId: string, more: object = { connection: CONNECTION }) =>
  ({
    friendlyName: "s",
    auth: { source: "INLINE", value: { scheme: "NONE" } },
    signature: { type: "SHARED_KEY", sharedKeyId, algorithm: "HMAC_SHA256" },
    ...more,
  }) as never;
const ruleOf = (settings: { settingId: string; percentage: number }[], more: object = {}) =>
  ({ friendlyName: "r", matchType: "PREFIX_MATCH", prefix: PREFIX, settings, ...more }) as never;

/** A SharedKey, and a Setting that signs with it. */
async function haveSetting() {
  const key = await api().sharedKeys.create({ friendlyName: "k" } as never);
  const setting = await api().settings.create(settingOf(key.id ?? ""));
  return { key, setting };
}

async function haveRule() {
  const { key, setting } = await haveSetting();
  const { rule, operation } = await api().rules.create(
    ruleOf([{ settingId: setting.id ?? "", percentage: 100 }]),
  );
  return { key, setting, rule, operation };
}

const remove = (kind: "sharedKeys" | "settings" | "rules", { id }: { id?: string } = {}) =>
  api()
    [kind](id ?? "")
    .remove();

async function signatureOf(path: string): Promise<string | null> {
  addNumber(simulator.state, account, { phone_number: "+15005550001", voice_url: `${PREFIX}${path}` });
  await simulator.ring("+15005550001");
  simulator.state.numbers.clear();
  return sent.at(-1)?.headers.get("x-twilio-webhooks-signature-settings") ?? null;
}

const code = (attempt: Promise<unknown>) =>
  attempt.then(
    () => undefined,
    (error: { code?: number }) => error.code,
  );

describe("the Webhooks configuration API", () => {
  it("gives a secret once, and lets a rule count after its operation has ended", async () => {
    const { key, setting, rule, operation } = await haveRule();
    expect(key.secret).toMatch(/^\w{32}$/);
    expect((await api().sharedKeys.list())[0]?.secret).toBeUndefined();
    expect(setting.id).toMatch(/^webhooks_setting_\w{26}$/);
    expect(operation).toMatchObject({ status: "RUNNING", resourceId: rule?.id });
    expect(await signatureOf("voice")).toBeNull();
    // The Rule is in force, and its Setting is not yet.
    vi.advanceTimersByTime(50_000);
    expect(await signatureOf("voice")).toBeNull();
    vi.advanceTimersByTime(10_000);
    expect(await signatureOf("voice")).toBe(`key=${key.id},algorithm=HMAC_SHA256`);
    const [found] = await api().operations.list({ resourceId: rule?.id ?? "" });
    expect(found).toMatchObject({ id: operation?.id, status: "COMPLETED" });
  });

  it("applies a deleted rule for a while, and keeps what is in use", async () => {
    const { key, setting, rule } = await haveRule();
    vi.advanceTimersByTime(60_000);
    expect(await code(remove("sharedKeys", key))).toBe(59100);
    expect(await code(remove("settings", setting))).toBe(59100);
    await remove("rules", rule);
    expect(await signatureOf("voice")).toContain(`${key.id}`);
    vi.advanceTimersByTime(60_000);
    expect(await signatureOf("voice")).toBeNull();
    await remove("settings", setting);
    await remove("sharedKeys", key);
    expect(await api().sharedKeys.list()).toEqual([]);
  });

  it("shares the traffic of a rule between two Settings", async () => {
    const { key, setting, rule } = await haveRule();
    const { key: other, setting: second } = await haveSetting();
    const settings = [
      { settingId: setting.id, percentage: 50 },
      { settingId: second.id, percentage: 50 },
    ];
    await api()
      .rules(rule?.id ?? "")
      .patch({ settings } as never);
    vi.advanceTimersByTime(60_000);
    const signers = new Set<string | null>();
    for (let calls = 0; calls < 6; calls += 1) signers.add(await signatureOf("voice"));
    expect([...signers].sort()).toEqual(
      [key.id, other.id].map((id) => `key=${id},algorithm=HMAC_SHA256`).sort(),
    );
  });

  it("refuses as Twilio's pages say", async () => {
    const { setting, rule } = await haveRule();
    const all = [{ settingId: setting.id ?? "", percentage: 100 }];
    expect(await code(api().rules.create(ruleOf(all)))).toBe(59103);
    for (const wrong of [
      ruleOf(all, { prefix: "https://numbers.example/a" }),
      ruleOf(all, { prefix: "https://numbers.example/*/" }),
      ruleOf([{ settingId: setting.id ?? "", percentage: 90 }], { prefix: "https://numbers.example/b/" }),
    ])
      expect(await code(api().rules.create(wrong))).toBe(59000);
    const patch = ({ id }: { id?: string } = {}, fields: object) =>
      api()
        .rules(id ?? "")
        .patch(fields as never);
    const third = [50, 25, 25].map((percentage) => ({ settingId: setting.id ?? "", percentage }));
    for (const fields of [
      { settings: all, unknown: true },
      { settings: third },
      { settings: [] },
      { matchType: "DEFAULT", settings: all },
    ])
      expect(await code(patch(rule, fields))).toBe(59000);
    expect(await code(api().rules.create(ruleOf(third, { prefix: "https://numbers.example/c/" })))).toBe(
      59000,
    );
    const basic = { auth: { source: "INLINE", value: { scheme: "BASIC", username: "u", password: "p" } } };
    const { id: settingId = "" } = await api().settings.create(
      settingOf("", { ...basic, signature: undefined }),
    );
    const byDefault = (id: string) => ruleOf([{ settingId: id, percentage: 100 }], { matchType: "DEFAULT" });
    expect(await code(api().rules.create(byDefault(settingId)))).toBe(59202);
    const { rule: ofAll } = await api().rules.create(byDefault(setting.id ?? ""));
    expect(await code(patch(ofAll, { settings: [{ settingId, percentage: 100 }] }))).toBe(59202);
    for (let made = 1; made < 50; made += 1) await api().sharedKeys.create({} as never);
    expect(await code(api().sharedKeys.create({} as never))).toBe(59200);
    simulator.faults.add({ effect: effects.webhooksBusy });
    expect(await code(api().rules.list())).toBe(59004);
  });

  it("lets a Setting's connection take the place of what the URL says", async () => {
    const key = await api().sharedKeys.create({ friendlyName: "k" } as never);
    for (const [more, tries] of [
      [{}, 1],
      [{ connection: { ...CONNECTION, retryPolicy: { retryCount: 2, retryOn: ["HTTP_5XX"] } } }, 3],
    ] as const) {
      const setting = await api().settings.create(settingOf(key.id ?? "", more));
      const { rule } = await api().rules.create(ruleOf([{ settingId: setting.id ?? "", percentage: 100 }]));
      vi.advanceTimersByTime(60_000);
      answer = () => new Response("", { status: 503 });
      sent = [];
      await signatureOf("sms#rc=4&rp=all");
      expect(sent).toHaveLength(tries);
      await remove("rules", rule);
      vi.advanceTimersByTime(60_000);
    }
  });

  it("sends a test by a Setting, and is what is open in either way", async () => {
    const { setting, key } = await haveRule();
    const test = await api().tests.create({ url: `${PREFIX}voice`, settingId: setting.id } as never);
    expect(test.result).toMatchObject({ outcome: "DELIVERED", response: { statusCode: 200 } });
    expect(sent[0]?.headers.get("x-twilio-webhooks-signature-settings")).toContain(`${key.id}`);
    Object.assign(configurationOf(account), { sharedKeyType: "required", schemeNone: "refused" });
    expect(await code(api().sharedKeys.create({ friendlyName: "k" } as never))).toBe(59000);
    expect(await code(api().settings.create(settingOf(key.id ?? "")))).toBe(59000);
  });
});
