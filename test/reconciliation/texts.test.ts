import { describe, expect, it, vi } from "vitest";
import { DAY_MS, WEEK_MS } from "../../src/time.ts";
import { haveImported } from "../support/answering.ts";
import { reconcile } from "../support/reconciliation.ts";
import { operations, twilio } from "../support/twilio.ts";
import { call, get, rows } from "../support/worker.ts";
import { effects } from "../twilio-simulator/faults.ts";
import type { NumberResource } from "../twilio-simulator/resource.ts";
import { addMessagingService, addNumber } from "../twilio-simulator/state.ts";

const LISTS = ["services", "service_numbers", "campaigns", "verifications"];
const asked = () => operations().filter((operation) => LISTS.includes(operation));
const later = (ms: number) => vi.setSystemTime(Date.now() + ms);

type Entry = {
  health: string;
  warnings: { code: string; message: string }[];
  texts_checked_at: string | null;
};

async function prepare(fields: Partial<NumberResource> = { phone_number: "+12125550100" }) {
  vi.useFakeTimers({ toFake: ["Date"] });
  const imported = await haveImported({}, fields);
  const path = `/v1/phone-numbers/${encodeURIComponent(imported.phoneNumber)}`;
  const entry = async () =>
    (await (await get(path, imported.key)).json<{ phone_number: Entry }>()).phone_number;
  const codes = async () => (await entry()).warnings.map(({ code }) => code);
  const [number] = [...twilio.state.numbers.values()];
  if (!number) throw new Error("no number");
  twilio.state.requests.length = 0;
  return { ...imported, path, entry, codes, number };
}

describe("the warnings of a number", () => {
  it("are not asked for by its import, but soon after, and are no part of its health", async () => {
    const { entry, key } = await prepare();
    expect(await entry()).toMatchObject({ warnings: [], texts_checked_at: null });
    await reconcile();
    expect(await entry()).toMatchObject({
      health: "ok",
      warnings: [{ code: "a2p_unregistered", message: expect.stringContaining("30034") }],
      texts_checked_at: expect.any(String),
    });
    const list = await (await get("/v1/phone-numbers", key)).json<{ phone_numbers: Entry[] }>();
    expect(list.phone_numbers[0]?.warnings).toHaveLength(1);
  });

  it("are read once a week, and once a day while there are some", async () => {
    const { codes, number } = await prepare();
    await reconcile();
    await reconcile();
    expect(asked()).toEqual(["services"]);
    addMessagingService(twilio.state, { numberSids: [number.sid], campaigns: ["VERIFIED"] });
    later(DAY_MS);
    await reconcile();
    expect(await codes()).toEqual([]);
    later(DAY_MS);
    await reconcile();
    expect(asked()).toEqual(["services", "services", "service_numbers", "campaigns"]);
    later(WEEK_MS);
    await reconcile();
    expect(asked()).toHaveLength(7);
  });

  it("of many numbers cost lists, and are each one's own", async () => {
    const { account, body, key, number } = await prepare();
    for (const phone_number of ["+12125550101", "+18885550102", "+14165550103", "+447446466840"]) {
      addNumber(twilio.state, account, { phone_number });
      expect((await call("POST", "/v1/phone-numbers", key, { ...body, phone_number })).status).toBe(201);
    }
    // The number is on the second page: a service may have more than the thousand of a page.
    const others = Array.from({ length: 1_000 }, (_, index) => `PN${String(index).padStart(32, "0")}`);
    addMessagingService(twilio.state, { numberSids: [...others, number.sid], campaigns: ["PENDING"] });
    twilio.state.requests.length = 0;
    await reconcile();
    const stored = await rows<{ phone_number: string; warnings: string }>("phone_numbers");
    expect(Object.fromEntries(stored.map((row) => [row.phone_number, JSON.parse(row.warnings)]))).toEqual({
      "+12125550100": ["a2p_pending"],
      "+12125550101": ["a2p_unregistered"],
      "+18885550102": ["tollfree_unverified"],
      "+14165550103": [],
      "+447446466840": [],
    });
    expect(asked().sort()).toEqual([
      "campaigns",
      "service_numbers",
      "service_numbers",
      "services",
      "verifications",
    ]);
  });

  it("end when the number is checked by itself", async () => {
    const { codes, key, number, path } = await prepare();
    await reconcile();
    addMessagingService(twilio.state, { numberSids: [number.sid], hasCampaign: true });
    await call("POST", `${path}/check`, key);
    expect(await codes()).toEqual([]);
  });

  it("end where Twilio does not let us look, and stay where it does not answer", async () => {
    const { codes, entry } = await prepare();
    await reconcile();
    later(DAY_MS);
    twilio.faults.add({ operation: "services", effect: effects.serverErrorHtml, times: 3 });
    await reconcile();
    expect(await codes()).toEqual(["a2p_unregistered"]);
    twilio.faults.add({ operation: "services", effect: effects.authenticate });
    await reconcile();
    expect(await entry()).toMatchObject({ health: "ok", warnings: [] });
  });

  it("are not guessed of an account with more Messaging Services than are asked", async () => {
    const { codes } = await prepare();
    for (let index = 0; index < 31; index += 1) addMessagingService(twilio.state);
    await reconcile();
    expect(await codes()).toEqual([]);
    expect(asked()).toHaveLength(31);
  });

  it.each<[string, Partial<NumberResource>]>([
    ["of another country", {}],
    [
      "that cannot text",
      { phone_number: "+12125550100", capabilities: { voice: true, sms: false, mms: false, fax: false } },
    ],
  ])("are not asked for of a number %s", async (_, fields) => {
    const { entry } = await prepare(fields);
    await reconcile();
    expect(asked()).toEqual([]);
    expect(await entry()).toMatchObject({ warnings: [], texts_checked_at: null });
  });
});
