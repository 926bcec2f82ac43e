import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addApiKey } from "../twilio-simulator/api-keys.ts";
import { effects } from "../twilio-simulator/faults.ts";
import { configurationOf } from "../twilio-simulator/webhook-rules.ts";
import { startWorld, type World } from "./console.ts";
import { overflow, PHONE, violations, visit } from "./support.ts";

// The page of a connect link, as an end customer goes through it, in every state that it has.

let world: World;
let key: string;
let agentId: string;

beforeAll(async () => {
  world = await startWorld();
  key = await world.createKey();
  agentId = await world.createAgent(key, { welcome_message: "Hello, how can I help?" });
});

afterAll(() => world?.close());

type Made = { connect_link_id: string; url: string; expires_at: string };

const makeLink = (fields: Record<string, unknown> = {}) =>
  world.call<Made>("POST", "/v1/connect-links", key, { agent_id: agentId, brand_name: "Acme", ...fields });

const openLink = async ({ url }: Pick<Made, "url">, { browser, origin }: World = world) =>
  visit(browser, `${origin}/connect#${url.split("#")[1]}`, PHONE);

/** On a phone and on a desk, light and dark: nothing scrolls sideways, and axe finds nothing. */
async function expectFits(page: Page, name: string): Promise<void> {
  for (const width of [390, 1280]) {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.setViewportSize({ width, height: 844 });
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      const look = `${name} ${width} ${colorScheme}`;
      expect(await overflow(page), look).toBe(0);
      expect(await violations(page), look).toEqual([]);
      if (process.env.SCREENSHOTS)
        await page.screenshot({
          path: `${process.env.SCREENSHOTS}/connect-${name}-${width}-${colorScheme}.png`,
          fullPage: true,
        });
    }
  }
  await page.setViewportSize({ width: 390, height: 844 });
  await page.emulateMedia({ colorScheme: "light" });
}

async function enter(page: Page, sid: string, token: string): Promise<void> {
  await page.getByLabel("Account SID").fill(sid);
  await page.getByLabel("Auth Token").fill(token);
  await page.getByRole("button", { name: "Continue" }).click();
}

const heading = (page: Page, name: string | RegExp) =>
  page.getByRole("heading", { level: 1, name }).waitFor();

describe("the page of a connect link", () => {
  it("leads from credentials to a number that rings, and back to whoever sent it", async () => {
    const [number, other] = ["+447700900101", "+447700900102"];
    const account = world.haveAccount(number, other);
    account.type = "Trial";
    const link = await makeLink({ redirect_url: "https://app.example.com/done?from=page" });
    const { page, context, strangers, complaints } = await openLink(link);
    await heading(page, "Your Twilio account");
    await page.getByText("Acme asks to connect your Twilio number").waitFor();
    await page.getByText("The operator of this page knows them as “browser”").waitFor();
    await expectFits(page, "account");
    await enter(page, account.sid, "0".repeat(32));
    await page.getByText("this is not its Auth Token").waitFor();
    await page.getByText("9 tries are left before this link is locked.").waitFor();
    await expectFits(page, "wrong-token");
    await enter(page, ` ${account.sid} `, account.authToken);

    await heading(page, "Which number?");
    await page.getByLabel(number).waitFor();
    await expectFits(page, "pick");
    await page.getByLabel(number).check();
    await page.getByRole("button", { name: "Show the plan" }).click();
    await heading(page, number);
    await page.getByText("at api.vapi.ai").waitFor();
    await page.getByText("at any time by asking Acme to release the number").waitFor();
    await expectFits(page, "confirm");
    await page.getByText("What changes at Twilio").click();
    await page.getByText("voice_url", { exact: true }).waitFor();
    await expectFits(page, "confirm-detail");
    // What it shows of a number that somebody changes meanwhile is no longer true.
    const [{ sid = "" } = {}] = world.twilio.numbers(number);
    world.twilio.edit(sid, { voice_url: "https://other.example/voice" });
    await page.getByRole("button", { name: "Connect this number" }).click();
    await page.getByRole("button", { name: "Show the plan again" }).click();
    await page.getByText("other.example").first().waitFor();
    await page.getByRole("button", { name: "Connect this number" }).click();

    await heading(page, "Your number is connected");
    await page.getByText("Waiting for its first call").waitFor();
    await expectFits(page, "waiting");
    await world.twilio.ring(number, { from: "+447700900199" });
    await page.getByText("It works: its first call or text came in.").waitFor();
    await expectFits(page, "working");
    const back = page.getByRole("link", { name: "Back to app.example.com" });
    expect(await back.getAttribute("href")).toBe(
      `https://app.example.com/done?from=page&connect_link_id=${link.connect_link_id}&status=completed`,
    );
    // The page loaded anew is where it was, and has kept nothing.
    await page.reload();
    await heading(page, "Your number is connected");
    expect(
      await page.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])"),
    ).toBe('[{},{},""]');
    expect(strangers).toEqual([]);
    // The browser reports each answer that is no 2xx; the page explains them.
    expect(complaints.filter((text) => !/status of 4\d\d/.test(text))).toEqual([]);
    const page2 = await context.request.get(`${world.origin}/connect`);
    expect(page2.headers()).toMatchObject({
      "cache-control": "no-store",
      "x-robots-tag": "noindex",
      "referrer-policy": "no-referrer",
      "content-security-policy": expect.stringMatching(
        /^default-src 'none'; script-src 'self';.*frame-ancestors 'none'$/,
      ),
    });
    await context.close();
  });

  it("brings several numbers one by one, and says which are taken", async () => {
    const [first, second] = ["+447700900111", "+447700900112"];
    const account = world.haveAccount(first, second);
    const stranger = await world.createKey();
    const theirs = await world.createAgent(stranger);
    const { page, context } = await openLink(await makeLink({ max_numbers: 2 }));
    await page.getByText("connect your Twilio numbers").waitFor();
    await enter(page, account.sid, account.authToken);
    const connect = async (number: string) => {
      await page.getByLabel(number).check();
      await page.getByRole("button", { name: "Show the plan" }).click();
      await page.getByRole("button", { name: "Connect this number" }).click();
    };
    await connect(first);
    await page.getByRole("button", { name: "Connect another number" }).click();
    await page.getByText("connected already").waitFor();
    expect(await page.getByLabel(first).isDisabled()).toBe(true);
    // Somebody else was faster.
    await page.getByLabel(second).check();
    await page.getByRole("button", { name: "Show the plan" }).click();
    await page.getByRole("button", { name: "Connect this number" }).waitFor();
    const body = {
      phone_number: second,
      twilio_sid: account.sid,
      twilio_token: account.authToken,
      agent_id: theirs,
    };
    await world.call("POST", "/v1/phone-numbers", stranger, body);
    await page.getByRole("button", { name: "Connect this number" }).click();
    await page.getByText("This number is already connected here").waitFor();
    await expectFits(page, "taken");
    await context.close();
  });

  it("says that an account has no numbers, and that Twilio is slow", async () => {
    const { page, context } = await openLink(await makeLink());
    await heading(page, "Your Twilio account");
    const account = world.haveAccount();
    world.twilio.faults.add({ effect: effects.serverErrorHtml, times: null });
    await enter(page, account.sid, account.authToken);
    await page.getByText("Twilio does not answer at the moment").waitFor();
    await expectFits(page, "slow");
    world.twilio.faults.clear();
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByText("This Twilio account has no numbers.").waitFor();
    await expectFits(page, "no-numbers");
    await page.getByRole("button", { name: "Use another Twilio account" }).click();
    await heading(page, "Your Twilio account");
    await context.close();
  });

  it.each([
    ["expired", "This link has expired"],
    ["used", "This link is used up"],
    ["locked", "This link is locked"],
    ["unknown", "This link does not work"],
  ] as const)("says that a link is %s", async (state, title) => {
    const made = await makeLink();
    const account = world.haveAccount("+447700900131");
    const ask = world.customerOf(made.url);
    const connect = (twilio_token: string) =>
      ask("twilio-account", { twilio_sid: account.sid, twilio_token });
    if (state === "locked") for (let tries = 0; tries < 10; tries += 1) await connect("0".repeat(32));
    if (state === "used") {
      await connect(account.authToken);
      expect((await ask("phone-numbers", { phone_number: "+447700900131" })).status).toBe(201);
    }
    if (state === "expired" || state === "used") await world.expire(made.connect_link_id);
    const { page, context } = await openLink(state === "unknown" ? { url: made.url.slice(0, -1) } : made);
    await heading(page, title);
    await expectFits(page, state);
    await context.close();
  });
});

describe("the page of a deployment that takes API keys", () => {
  let keyed: World;
  beforeAll(async () => {
    keyed = await startWorld({ ALLOW_API_KEYS: "true" });
  });
  afterAll(() => keyed?.close());

  it("asks for one first, and shows how Twilio is made to sign, until a call comes that is signed so", async () => {
    const number = "+447700900141";
    const account = keyed.haveAccount(number);
    const apiKey = addApiKey(account);
    // So the account's owner has to make by himself what signs.
    configurationOf(account).keysMay = false;
    const owner = await keyed.createKey();
    const agent_id = await keyed.createAgent(owner);
    const { url } = await keyed.call<Made>("POST", "/v1/connect-links", owner, { agent_id });
    const { page, context } = await openLink({ url }, keyed);
    await page.getByLabel("API key SID").waitFor();
    await expectFits(page, "api-key");
    await page.getByLabel("Account SID").fill(account.sid);
    await page.getByLabel("API key SID").fill(apiKey.sid);
    await page.getByLabel("API key secret").fill("0".repeat(32));
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByText("9 tries are left before this link is locked.").waitFor();
    await expectFits(page, "wrong-api-key");
    await page.getByLabel("API key secret").fill(apiKey.secret);
    await page.getByRole("button", { name: "Continue" }).click();

    await heading(page, "Let Twilio sign its calls");
    const requests = await page.locator(".requests code").allTextContents();
    const [prefix = ""] = requests.flatMap(
      (text) => /https:\/\/numbers\.example\.com\/[^"' \\]+/.exec(text) ?? [],
    );
    expect(prefix).toMatch(/\/webhooks\/twilio\/twa_[0-9a-f]{32}\/$/);
    await expectFits(page, "shared-key");
    const sharedKey = { id: "webhooks_sharedkey_1", secret: "what signs", algorithm: "HMAC_SHA256" } as const;
    account.webhookRules = [{ id: "rule_1", matchType: "PREFIX_MATCH", prefix, sharedKey }];
    await page.getByLabel("SharedKey id").fill(sharedKey.id);
    await page.getByLabel("SharedKey secret").fill(sharedKey.secret);
    await page.getByRole("button", { name: "Continue" }).click();

    await heading(page, "Which number?");
    await page.getByLabel(number).check();
    await page.getByRole("button", { name: "Show the plan" }).click();
    await page.getByText("or by deleting the API key at Twilio").waitFor();
    await expectFits(page, "confirm-api-key");
    await page.getByRole("button", { name: "Connect this number" }).click();
    await heading(page, "Your number is connected");
    await keyed.twilio.ring(number, { from: "+447700900199" });
    await page.getByText("It works: its first call or text came in.").waitFor();
    await context.close();
  });
});
