import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addNumber } from "../twilio-simulator/state.ts";
import { bulkJob, bulkResults, CALL, SAID, SILENCE, usage } from "./answers.ts";
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

describe("events", () => {
  it("that were refused are sent again with one click, and a new secret is shown once", async () => {
    let status = 404;
    const customer = createServer((_, response) => response.writeHead(status).end());
    await new Promise<void>((resolve) => customer.listen(0, "127.0.0.1", resolve));
    const { port } = customer.address() as AddressInfo;
    const key = await world.createKey();
    await world.createAgent(key, { webhook_url: `http://127.0.0.1:${port}/events` });
    await world.call("POST", "/v1/webhooks/secret", key);
    const { page, context } = await signIn(browser, world.origin, key, DESKTOP);
    await open(page, "Events");
    await page.getByText("No events yet").waitFor();
    await page.getByRole("button", { name: "Send", exact: true }).click();
    const row = page.getByRole("row", { name: /webhook\.test/ });
    const until = async (state: string) => {
      while ((await row.getByText(state).count()) === 0) {
        await page.getByRole("button", { name: "Refresh" }).click();
        await page.waitForLoadState("networkidle");
      }
    };
    await until("failed");
    expect(await violations(page)).toEqual([]);
    status = 204;
    await row.getByRole("button", { name: /^Redeliver/ }).click();
    await until("delivered");
    await page.getByRole("button", { name: "New secret…" }).click();
    await page.getByRole("button", { name: "Create", exact: true }).click();
    await page
      .getByRole("dialog")
      .getByText(/^nxws_[0-9a-f]{64}$/)
      .waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "New secret…" }).click();
    expect(
      await page
        .getByRole("dialog")
        .getByText(/^nxws_/)
        .count(),
    ).toBe(0);
    await context.close();
    customer.close();
  });
});

describe("the overview", () => {
  it("says what needs attention first, and mends it with one click", async () => {
    const key = await world.createKey();
    const agent = await world.createAgent(key, { webhook_url: "https://customer.example/events" });
    const numbers = ["+447000005000", "+447000005010", "+447000005020"];
    await world.haveNumbers(key, agent, numbers);
    const changed = [...world.simulator.state.numbers.values()].filter((one) =>
      numbers.slice(0, 2).includes(one.phone_number),
    );
    for (const resource of changed) {
      await world.call("PATCH", `/v1/phone-numbers/${resource.phone_number}`, key, {
        drift_policy: "report",
      });
      resource.voice_url = "https://elsewhere.example/voice";
      await world.call("POST", `/v1/phone-numbers/${resource.phone_number}/check`, key);
    }
    const { page, context } = await visit(browser, `${world.origin}/console`, DESKTOP);
    await page.route("**/v1/usage*", (route) => route.fulfill({ json: usage() }));
    await page.getByLabel("API key").fill(key);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("1 of 3 numbers is OK").waitFor();
    await page.getByRole("img", { name: "By day: 435 calls and 150 texts in 30 days" }).waitFor();
    await picture(page, "console-overview");
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "As a table" }).click();
    await page.getByRole("row", { name: "2026-01-30 29 58 5" }).waitFor();

    await page.getByRole("link", { name: "2 numbers" }).waitFor();
    await page.getByRole("button", { name: "Repair" }).click();
    await page.getByText("Nothing. Every number is as it should be.").waitFor();
    for (const resource of changed) expect(resource.voice_url).toContain("https://numbers.example.com/");
    await context.close();
  });

  it("a token that Twilio refuses is replaced for the whole account", async () => {
    const key = await world.createKey();
    const agent = await world.createAgent(key);
    const number = "+447000006000";
    await world.haveNumbers(key, agent, [number]);
    const former = world.account.authToken;
    world.account.authToken = "0123456789abcdef0123456789abcdef";
    await world.call("POST", `/v1/phone-numbers/${number}/check`, key);
    const { page, context } = await signIn(browser, world.origin, key, DESKTOP);
    await page.getByText(": token refused").waitFor();
    await page.getByRole("button", { name: "New token…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Auth Token").fill(former);
    await dialog.getByRole("button", { name: "Try and save" }).click();
    await dialog.getByRole("alert").waitFor();
    expect(await violations(page)).toEqual([]);
    await dialog.getByLabel("Auth Token").fill(world.account.authToken);
    await dialog.getByRole("button", { name: "Try and save" }).click();
    await page.getByText("Nothing. Every number is as it should be.").waitFor();
    world.account.authToken = former;
    await context.close();
  });
});

describe("calls", () => {
  it("are listed, with what was said and their recording", async () => {
    const key = await world.createKey();
    const { page, context, complaints } = await signIn(browser, world.origin, key, DESKTOP);
    await page.route("**/v1/calls?*", (route) =>
      route.fulfill({ json: { calls: [CALL], count: 1, limit: 50, offset: 0 } }),
    );
    await page.route(`**/v1/calls/${CALL.call_id}`, (route) =>
      route.fulfill({ json: { ...CALL, transcript: SAID } }),
    );
    await page.route(`**/v1/calls/${CALL.call_id}/recording`, (route) =>
      route.fulfill({ contentType: "audio/wav", body: SILENCE }),
    );
    await open(page, "Calls");
    await page.getByText("caller hangup").waitFor();
    await page
      .getByRole("row", { name: /447700900123/ })
      .getByRole("link")
      .click();
    await page.getByText("Do you have time on Friday?").waitFor();
    await page.getByRole("button", { name: "Listen" }).click();
    await expect.poll(() => page.evaluate("document.querySelector('audio')?.duration")).toBeGreaterThan(0);
    await picture(page, "console-call");
    expect(await violations(page)).toEqual([]);
    expect(complaints.filter((text) => !ANSWER.test(text))).toEqual([]);
    await context.close();
  });
});

describe("importing many numbers", () => {
  it("plans an account, imports the chosen ones, and follows the import to its end", async () => {
    const key = await world.createKey();
    await world.createAgent(key);
    const { page, context } = await signIn(browser, world.origin, key, DESKTOP);
    const orders: { items?: object[]; dry_run: boolean; all?: boolean }[] = [];
    await page.route("**/v1/phone-number-imports", (route) => {
      if (route.request().method() === "GET")
        return route.fulfill({ json: { phone_number_imports: [], count: 0 } });
      orders.push(route.request().postDataJSON());
      return route.fulfill({
        status: 202,
        json: { import_id: `imp_${orders.length}`, status: "queued", total: 2 },
      });
    });
    await page.route("**/v1/phone-number-imports/imp_*", (route) =>
      route.fulfill({ json: bulkJob(route.request().url().endsWith("imp_1")) }),
    );
    await page.route("**/v1/phone-number-imports/imp_*/results?*", (route) =>
      route.fulfill({ json: bulkResults(route.request().url().includes("imp_1/"), world.account.sid) }),
    );
    await open(page, "Import");
    await page.getByRole("link", { name: "Many numbers" }).click();
    await page.getByLabel("Account SID").fill(world.account.sid);
    await page.getByLabel("Auth Token").fill(world.account.authToken);
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "Plan: who answers today?" }).click();
    await page.getByText("Vapi at api.vapi.ai").waitFor();
    await page.getByLabel("Import +447000007010").uncheck();
    await picture(page, "console-bulk");
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "Import 1 number" }).click();
    await page.getByText("The phone number is not in this Twilio account.").waitFor();
    expect(orders).toMatchObject([
      { all: true, dry_run: true },
      { items: [{ phone_number: "+447000007000", twilio_sid: world.account.sid }], dry_run: false },
    ]);
    await context.close();
  });

  it("reads a CSV file as spreadsheets write it", async () => {
    const key = await world.createKey();
    await world.createAgent(key);
    const { page, context } = await signIn(browser, world.origin, key, DESKTOP);
    await open(page, "Import");
    await page.getByRole("link", { name: "Many numbers" }).click();
    await page.getByLabel("The numbers of a CSV file").check();
    const text = '\uFEFFExternal ID;Phone number\r\n"A; ""one""";+447000008000\r\nB;+447000008010\r\n';
    const file = { name: "numbers.csv", mimeType: "text/csv", buffer: Buffer.from(text) };
    await page.getByLabel("CSV file", { exact: true }).setInputFiles(file);
    await page.getByText("2 numbers in the file.").waitFor();
    let order: unknown;
    await page.route("**/v1/phone-number-imports", (route) => {
      order = route.request().postDataJSON();
      return route.fulfill({ status: 202, json: { import_id: "imp_1", status: "queued", total: 2 } });
    });
    await page.getByLabel("Account SID").fill(world.account.sid);
    await page.getByLabel("Auth Token").fill(world.account.authToken);
    await page.getByRole("button", { name: "Import without a plan" }).click();
    await page.getByRole("heading", { name: "Bulk import" }).waitFor();
    expect(order).toMatchObject({
      dry_run: false,
      items: [
        { phone_number: "+447000008000", external_id: 'A; "one"' },
        { phone_number: "+447000008010", external_id: "B" },
      ],
    });
    await context.close();
  });
});

describe("the first load", () => {
  it("is at most 60 KB with gzip, in four files", () => {
    const html = readFileSync("public/console.html", "utf8");
    const files = [...html.matchAll(/(?:href|src)="(\/docs\/assets\/[^"]+)"/g)].map(([, path]) =>
      readFileSync(`public${path}`),
    );
    expect(files).toHaveLength(3);
    const bytes = [Buffer.from(html), ...files].reduce((sum, file) => sum + gzipSync(file).length, 0);
    expect(bytes).toBeLessThanOrEqual(60_000);
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
