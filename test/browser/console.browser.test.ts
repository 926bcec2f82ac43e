import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addNumber } from "../twilio-simulator/state.ts";
import { open, signIn, startWorld, type World } from "./console.ts";
import { CHROMIUM, type Look, overflow, violations, visit } from "./support.ts";

let world: World;
let browser: Browser;

beforeAll(async () => {
  if (!existsSync(CHROMIUM)) throw new Error(`There is no ${CHROMIUM}.`);
  world = await startWorld();
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
});

afterAll(async () => {
  await browser?.close();
  await world?.close();
});

const DESKTOP: Look = { width: 1280, colorScheme: "light" };

// The browser reports every answer of the API that is not a 2xx; the page explains those.
const ANSWER = /^Failed to load resource: the server responded with a status of 4\d\d/;

/** A picture for docs/images, if SCREENSHOTS names a folder. */
async function picture(page: Page, name: string): Promise<void> {
  if (process.env.SCREENSHOTS) await page.screenshot({ path: `${process.env.SCREENSHOTS}/${name}.png` });
}

describe("signing in", () => {
  it("takes the key however it was pasted, and leaves no secret in the browser", async () => {
    const key = await world.createKey();
    const [id, secret = ""] = key.split(":");
    const { page, context, complaints } = await signIn(
      browser,
      world.origin,
      `key_id: ${id}\nkey_secret: ${secret}`,
      DESKTOP,
    );
    expect(page.url()).not.toContain(secret);
    const kept = await page.evaluate(
      "JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])",
    );
    expect(kept).toBe('[{},{},""]');
    const [cookie] = await context.cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict", path: "/" });
    expect(cookie?.value).not.toContain(secret);

    // The page is loaded anew, and the session is still there; then it is not.
    await page.reload();
    await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
    await open(page, "API key");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    expect(await context.cookies()).toEqual([]);
    expect(complaints.filter((text) => !ANSWER.test(text))).toEqual([]);
    await context.close();
  });

  it("says in the API's own words what is wrong with a key", async () => {
    const { page, context } = await visit(browser, `${world.origin}/console`, DESKTOP);
    await page.getByLabel("API key").fill(`nxf_${"0".repeat(32)}`);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").getByText("The key id is there, but not the colon").waitFor();
    expect(await page.getByRole("link", { name: /key_secret_required/ }).getAttribute("href")).toBe(
      "/docs/errors/key_secret_required",
    );
    expect(await violations(page)).toEqual([]);
    await context.close();
  });

  it("a rotation shows the new key once, keeps this session and ends the others", async () => {
    const key = await world.createKey();
    const here = await signIn(browser, world.origin, key, DESKTOP);
    const there = await signIn(browser, world.origin, key, DESKTOP);
    await open(here.page, "API key");
    await here.page.getByRole("button", { name: "Rotate…" }).click();
    await here.page.getByRole("button", { name: "Rotate now" }).click();
    const shown = await here.page.getByRole("dialog").locator("code").textContent();
    expect(shown).toMatch(/^nxf_[0-9a-f]{32}:nxfs_[0-9a-f]{64}$/);
    await here.page.getByRole("button", { name: "I have saved it" }).click();
    await open(here.page, "Agents");
    await here.page.getByText("No agents yet").waitFor();
    await open(there.page, "Agents");
    await there.page.getByRole("heading", { name: "Sign in" }).waitFor();
    await Promise.all([here.context.close(), there.context.close()]);
  });
});

describe("numbers", () => {
  it("are found, sorted, moved and released, also many at once", async () => {
    const key = await world.createKey();
    const first = await world.createAgent(key, { name: "Day" });
    await world.createAgent(key, { name: "Night" });
    const numbers = Array.from({ length: 6 }, (_, at) => `+4470000010${at}0`);
    await world.haveNumbers(key, first, numbers);
    const { page, context, complaints, strangers } = await signIn(browser, world.origin, key, DESKTOP);
    await open(page, "Numbers");
    await page.getByText("6 numbers").waitFor();
    await picture(page, "console-numbers");
    expect(await violations(page)).toEqual([]);

    const rows = page.locator("tbody tr");
    await page.getByRole("button", { name: "Number", exact: true }).click();
    expect(await rows.first().locator("th").textContent()).toBe(numbers[0]);
    await page.getByRole("button", { name: "Number", exact: true }).click();
    expect(await rows.first().locator("th").textContent()).toBe(numbers[5]);
    await page.getByRole("searchbox").fill("001030");
    await expect.poll(() => rows.count()).toBe(1);
    await page.getByRole("searchbox").fill("");

    for (const number of numbers.slice(0, 2)) await page.getByLabel(`Select ${number}`).check();
    await page.getByRole("button", { name: "Move…" }).click();
    await page.getByRole("dialog").getByLabel("Agent").selectOption({ label: "Night" });
    await page.getByRole("button", { name: "Move 2 numbers" }).click();
    await page.getByText("2 of 2 done.").waitFor();
    await page.getByRole("button", { name: "Close" }).click();
    await page.getByRole("combobox", { name: "Agent" }).selectOption({ label: "Night" });
    await expect.poll(() => rows.count()).toBe(2);

    await page.getByLabel("Select all 2").check();
    await page.getByRole("button", { name: "Release…" }).click();
    await page.getByRole("button", { name: "Release 2 numbers" }).click();
    await page.getByText("2 of 2 done.").waitFor();
    await page.getByRole("button", { name: "Close" }).click();
    await page.getByText("No number matches").waitFor();
    const left = await world.call<{ count: number }>("GET", "/v1/phone-numbers", key);
    expect(left.count).toBe(4);
    expect(complaints.filter((text) => !ANSWER.test(text))).toEqual([]);
    expect(strangers).toEqual([]);
    await context.close();
  });

  it("one that was changed at Twilio is explained and repaired, and its settings are changed", async () => {
    const key = await world.createKey();
    const agent = await world.createAgent(key);
    const number = "+447000002000";
    await world.haveNumbers(key, agent, [number]);
    const resource = [...world.simulator.state.numbers.values()].find((one) => one.phone_number === number);
    await world.call("PATCH", `/v1/phone-numbers/${number}`, key, { drift_policy: "report" });
    if (resource) resource.voice_url = "https://elsewhere.example/voice";
    const { page, context } = await signIn(browser, world.origin, key, DESKTOP);
    await open(page, "Numbers");
    await page.getByRole("link", { name: number }).click();
    await page.getByRole("button", { name: "Check now" }).click();
    await page.getByText("Somebody changed the number's webhooks").waitFor();
    await picture(page, "console-number");
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "Repair" }).click();
    await page.getByText("Twilio sends its calls and texts here.").waitFor();
    expect(resource?.voice_url).toContain("https://numbers.example.com/");

    await page.getByLabel("Answer its calls and texts").uncheck();
    await expect
      .poll(async () => {
        const { phone_number } = await world.call<{ phone_number: { inbound_enabled: boolean } }>(
          "GET",
          `/v1/phone-numbers/${number}`,
          key,
        );
        return phone_number.inbound_enabled;
      })
      .toBe(false);

    await page.getByRole("button", { name: "Release…" }).click();
    await page.getByRole("dialog").getByText("voice_url", { exact: true }).waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Release" }).click();
    await page.getByText("No numbers yet").waitFor();
    await context.close();
  });
});

describe("importing a number", () => {
  it("shows who answers and what changes, then imports exactly that", async () => {
    const key = await world.createKey();
    await world.createAgent(key, { name: "Reception" });
    const phone_number = "+447000003000";
    addNumber(world.simulator.state, world.account, {
      phone_number,
      voice_url: "https://api.vapi.ai/twilio/inbound_call",
    });
    const { page, context } = await signIn(browser, world.origin, key, DESKTOP);
    await open(page, "Import");
    await page.getByLabel("Phone number").fill(phone_number);
    await page.getByLabel("Account SID").fill(world.account.sid);
    await page.getByLabel("Auth Token").fill("0".repeat(32));
    await page.getByRole("button", { name: "Show the plan" }).click();
    await page.getByRole("alert").getByText("Twilio answered 20003").waitFor();
    await page.getByLabel("Auth Token").fill(world.account.authToken);
    await page.getByRole("button", { name: "Show the plan" }).click();
    await page.getByText("Vapi at api.vapi.ai").waitFor();
    await page.getByText("voice_url", { exact: true }).waitFor();
    await picture(page, "console-import");
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "Import this number" }).click();
    await page.getByRole("heading", { name: phone_number }).waitFor();
    await page.getByText("Twilio sends its calls and texts here.").waitFor();
    await context.close();
  });
});

describe("agents", () => {
  it("are made and changed with a preview of what a caller hears", async () => {
    const key = await world.createKey();
    const { page, context } = await signIn(browser, world.origin, key, DESKTOP);
    await open(page, "Agents");
    await page.getByRole("link", { name: "Create your first agent" }).click();
    await page.getByLabel("Name").fill("Reception");
    await page.getByLabel("Welcome message").fill("Acme Dental, good morning.");
    const hears = page.locator(".preview");
    await hears.getByText("Acme Dental, good morning.").waitFor();
    await page.getByLabel("How it answers").selectOption({ label: "By a person: the call is passed on" });
    await page.getByLabel("Telephone number or SIP address").fill("+441632960123");
    await hears.getByText("+441632960123 rings.").waitFor();
    await picture(page, "console-agent");
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "Create" }).click();
    await page.getByRole("heading", { name: "Reception", level: 1 }).waitFor();
    await page.getByLabel("Takes calls").uncheck();
    await hears.getByText("This number is not taking calls").waitFor();
    await page.getByRole("button", { name: "Save" }).click();
    await expect
      .poll(async () => (await world.call<{ agents: object[] }>("GET", "/v1/agents", key)).agents)
      .toMatchObject([
        { name: "Reception", is_active: false, connect: { type: "dial", number: "+441632960123" } },
      ]);
    await page.getByRole("button", { name: "Delete…" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByText("No agents yet").waitFor();
    await context.close();
  });
});

describe("the pages", () => {
  it.each<Look>([
    { width: 390, colorScheme: "light" },
    { width: 390, colorScheme: "dark" },
    { width: 1280, colorScheme: "dark" },
  ])("at $width pixels, $colorScheme: in their place, accessible, and by themselves", async (look) => {
    const key = await world.createKey();
    const agent = await world.createAgent(key);
    await world.haveNumbers(key, agent, [
      `+4470000${look.width}${look.colorScheme === "dark" ? 1 : 0}`.padEnd(13, "0"),
    ]);
    const { page, context, strangers } = await signIn(browser, world.origin, key, look);
    for (const name of ["Overview", "Numbers", "Import", "Agents", "Calls", "Events", "API key"]) {
      await open(page, name);
      await page.waitForLoadState("networkidle");
      if (name === "Overview" || name === "Numbers")
        await picture(page, `console-${name}-${look.width}-${look.colorScheme}`);
      expect([name, await overflow(page)]).toEqual([name, 0]);
      expect([name, await violations(page)]).toEqual([name, []]);
    }
    expect(strangers).toEqual([]);
    await context.close();
  });
});
