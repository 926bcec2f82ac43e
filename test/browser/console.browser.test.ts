import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { groupsOf } from "../../console/tel.ts";
import metadata from "../../node_modules/libphonenumber-js/metadata.min.json" with { type: "json" };
import { credentials, open, signIn, startWorld, type World } from "./console.ts";
import { DESKTOP, overflow, violations, visit } from "./support.ts";

let world: World;

beforeAll(async () => {
  world = await startWorld();
});

afterAll(() => world?.close());

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
      world,
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
    const { page, context } = await visit(world.browser, `${world.origin}/console`, DESKTOP);
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
    const here = await signIn(world, key, DESKTOP);
    const there = await signIn(world, key, DESKTOP);
    await open(here.page, "API key");
    await here.page.getByRole("button", { name: "Rotate…" }).click();
    await here.page.getByLabel("API key").fill(key);
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

describe("who is signed in", () => {
  const sees = async (page: Page, text: string) => {
    await open(page, "Agents");
    await page.getByText(text).first().waitFor();
  };

  it("another key sees nothing of the one before, after a session that ended and in another tab", async () => {
    const first = await world.createKey();
    await world.createAgent(first, { name: "Secret agent" });
    const { page, context } = await signIn(world, first, DESKTOP);
    await sees(page, "Secret agent");
    const tab = await context.newPage();
    await tab.goto(`${world.origin}/console`);
    await sees(tab, "Secret agent");

    await context.clearCookies();
    await open(page, "Events");
    await page.getByLabel("API key").fill(await world.createKey());
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("navigation", { name: "Console" }).waitFor();
    await sees(page, "No agents yet");
    await tab.getByText("No agents yet").waitFor();
    await context.close();
  });

  it("what is clicked the moment that the console is drawn is shown", async () => {
    const { page, context } = await signIn(world, await world.createKey(), DESKTOP);
    await context.addInitScript(`new MutationObserver((_, observer) => {
      if (!document.querySelector("nav")) return;
      observer.disconnect();
      location.hash = "#/agents";
    }).observe(document, { childList: true, subtree: true })`);
    await page.reload();
    await page.getByRole("heading", { name: "Agents", level: 1 }).waitFor();
    await context.close();
  });

  it("a page that is no page says so", async () => {
    const { page, context } = await signIn(world, await world.createKey(), DESKTOP);
    await page.goto(`${world.origin}/console#/%`);
    await page.getByText("No such page").waitFor();
    await page.goto(`${world.origin}/console#/numbers/%25%`);
    await page.getByRole("alert").waitFor();
    await context.close();
  });
});

describe("numbers", () => {
  it("are shown in groups after every calling code", () => {
    const shown = Object.keys(metadata.country_calling_codes).map((code) => [
      code,
      groupsOf(`+${code}1234567`),
    ]);
    expect(shown).toEqual(shown.map(([code]) => [code, [`+${code}`, "123", "4567"]]));
    expect(["+14155551234", "anonymous", "sip:a@b.example"].map(groupsOf)).toEqual([
      ["+1", "415", "555", "1234"],
      ["anonymous"],
      ["sip:a@b.example"],
    ]);
  });

  it("are in groups for the eye, and without spaces for whoever copies them", async () => {
    const number = "+447000002700";
    const key = await world.createKeyWith(number);
    const { page, context } = await signIn(world, key, DESKTOP);
    await open(page, "Numbers");
    await page.getByRole("link", { name: number, exact: true }).waitFor();
    const copied = "getSelection().selectAllChildren(document.querySelector('.tel')), String(getSelection())";
    expect(await page.evaluate(copied)).toBe(number);
    await context.close();
  });

  it("that no page shows are not loaded, and can be selected all the same", async () => {
    const key = await world.createKey();
    const agent = await world.createAgent(key);
    await world.haveNumbers(
      key,
      agent,
      Array.from({ length: 51 }, (_, at) => `+4470000011${String(at).padStart(2, "0")}`),
    );
    const { page, context } = await signIn(world, key, DESKTOP);
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    for (const name of ["Agents", "Overview", "Numbers"]) await open(page, name);
    await page.getByText("51 numbers").waitFor();
    expect(await page.locator("tbody tr").count()).toBe(50);
    const limits = asked
      .filter((url) => url.includes("/v1/phone-numbers?"))
      .map((url) => new URL(url).searchParams.get("limit"));
    expect(limits.toSorted()).toEqual(["1", "50"]);
    await page.getByLabel("Select the 50 of this page").check();
    await page.getByRole("button", { name: "Select all 51" }).click();
    await page.getByText("51 numbers selected").waitFor();
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByText("51 to 51 of 51").waitFor();
    expect(await page.getByLabel(/^Select \+44/).isChecked()).toBe(true);
    await context.close();
  });

  it("are found, sorted, moved and released, also many at once", async () => {
    const key = await world.createKey();
    const first = await world.createAgent(key, { name: "Day" });
    await world.createAgent(key, { name: "Night" });
    const numbers = Array.from({ length: 6 }, (_, at) => `+4470000010${at}0`);
    await world.haveNumbers(key, first, numbers);
    const { page, context, complaints, strangers } = await signIn(world, key, DESKTOP);
    await open(page, "Numbers");
    await page.getByRole("status").getByText("6 numbers", { exact: true }).waitFor();
    await picture(page, "console-numbers");
    expect(await violations(page)).toEqual([]);

    const rows = page.locator("tbody tr");
    expect(await rows.first().locator("th").textContent()).toBe(numbers[5]);
    await page.getByRole("searchbox").fill("00 10 30");
    await expect.poll(() => rows.count()).toBe(1);
    await page.getByRole("searchbox").fill("");
    await expect.poll(() => rows.count()).toBe(6);

    for (const number of numbers.slice(0, 2)) await page.getByLabel(`Select ${number}`).check();
    await page.getByRole("button", { name: "Move…" }).click();
    await page.getByRole("dialog").getByLabel("Agent").selectOption({ label: "Night" });
    await page.getByRole("button", { name: "Move 2 numbers" }).click();
    await page.getByText("2 of 2 done.").waitFor();
    await page.getByRole("button", { name: "Close" }).click();
    await page.getByRole("combobox", { name: "Agent" }).selectOption({ label: "Night" });
    await expect.poll(() => rows.count()).toBe(2);

    await page.getByLabel("Select the 2 of this page").check();
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

  it("one has what is its own beside its agent's, is found by it, and speaks so", async () => {
    const key = await world.createKey();
    const agent = await world.createAgent(key, {
      welcome_message: "Hello, {{business|we}} here.",
      language: "de",
    });
    const number = "+447000002500";
    await world.haveNumbers(key, agent, [number, "+447000002600"]);
    const path = `/v1/phone-numbers/${number}`;
    const own = { label: "Acme Dental", external_id: "customer-42", metadata: { crm: "4711", old: "1" } };
    await world.call("PATCH", path, key, own);
    const { page, context, strangers } = await signIn(world, key, {
      width: 390,
      colorScheme: "light",
    });
    await open(page, "Numbers");
    const rows = page.locator("tbody tr");
    for (const words of ["acme", "CUSTOMER-42"]) {
      await page.getByRole("searchbox").fill(words);
      await expect.poll(() => rows.count()).toBe(1);
    }
    await page.getByRole("link", { name: `Acme Dental ${number}` }).click();
    await page.getByRole("heading", { name: "Acme Dental" }).waitFor();
    await page.getByText("inherited: Hello, {{business|we}} here.").waitFor();
    await page.getByText("inherited: de").waitFor();
    await page.locator(".talk li", { hasText: "Hello, we here." }).waitFor();

    await page.getByLabel("Texts for {{name}}").fill("business=Acme\nhours=9 to 5");
    await page.getByLabel("Puts callers through to").fill("+441632960123, +441632960124");
    await page.getByLabel("Record calls").selectOption("yes");
    await page.getByLabel("Metadata").fill("crm=4712");
    const section = page.locator("section", { hasText: "Its own" });
    await section.getByRole("button", { name: "Save" }).click();
    await section.getByText("Saved.").waitFor();
    await page.locator(".talk li", { hasText: "Hello, Acme here." }).waitFor();
    const stored = () => world.call<{ phone_number: object }>("GET", path, key);
    expect((await stored()).phone_number).toMatchObject({
      label: "Acme Dental",
      welcome_message: null,
      dynamic_vars: { business: "Acme", hours: "9 to 5" },
      transfer_numbers: ["+441632960123", "+441632960124"],
      record: true,
      metadata: { crm: "4712" },
    });
    await page.getByLabel("Label").fill("");
    await section.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { name: number }).waitFor();

    await page.getByLabel("Take over its texts").uncheck();
    await expect.poll(async () => (await stored()).phone_number).toMatchObject({ channels: ["voice"] });
    expect(await page.getByLabel("Take over its calls").isDisabled()).toBe(true);
    await picture(page, "console-number-own");
    expect([await overflow(page), await violations(page), strangers]).toEqual([0, [], []]);
    await context.close();
  });

  it("one that was changed at Twilio is explained and repaired, and its settings are changed", async () => {
    const key = await world.createKey();
    const agent = await world.createAgent(key, { webhook_url: "https://customer.example/events" });
    const number = "+447000002000";
    const account = world.haveAccount(number);
    await world.call("POST", "/v1/phone-numbers", key, credentials(account, number, agent));
    const [resource] = world.twilio.numbers(number);
    await world.call("PATCH", `/v1/phone-numbers/${number}`, key, { drift_policy: "report" });
    if (resource) resource.voice_url = "https://elsewhere.example/voice";
    const { page, context } = await signIn(world, key, DESKTOP);
    await open(page, "Numbers");
    await page.getByRole("link", { name: number }).click();
    await page.getByRole("button", { name: "Check now" }).click();
    await page.getByText("Somebody changed the number's webhooks").waitFor();
    await picture(page, "console-number");
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "Repair" }).click();
    await page.getByText("Twilio sends its calls and texts here.").waitFor();
    const happened = page.locator(".timeline li");
    await happened.filter({ hasText: "Repaired" }).waitFor();
    await happened.filter({ hasText: "Imported" }).waitFor();
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
    const dialog = page.getByRole("dialog");
    await dialog.getByText("Calls go back to api.vapi.ai.").waitFor();
    await dialog.getByText("Texts: nobody answers, as before the import.").waitFor();
    await dialog.getByText("What changes at Twilio").click();
    await dialog.getByText("voice_url", { exact: true }).waitFor();
    expect(await violations(page)).toEqual([]);
    await dialog.getByRole("button", { name: "Release" }).click();
    await page.getByText("No numbers yet").waitFor();
    await context.close();
  });
});

describe("importing a number", () => {
  it("shows who answers and what changes, then imports exactly that", async () => {
    const key = await world.createKey();
    await world.createAgent(key, { name: "Reception" });
    const phone_number = "+447000003000";
    world.twilio.addNumber(world.account, {
      phone_number,
      voice_url: "https://api.vapi.ai/twilio/inbound_call",
    });
    const { page, context } = await signIn(world, key, DESKTOP);
    await open(page, "Import");
    await page.getByLabel("Phone number").fill(phone_number);
    await page.getByLabel("Account SID").fill(world.account.sid);
    await page.getByLabel("Auth Token").fill("0".repeat(32));
    await page.getByRole("button", { name: "Show the plan" }).click();
    await page.getByRole("alert").getByText("Twilio answered 20003").waitFor();
    await page.getByLabel("Auth Token").fill(world.account.authToken);
    await page.getByRole("button", { name: "Show the plan" }).click();
    await page.getByText("Vapi at api.vapi.ai").waitFor();
    await picture(page, "console-import");
    await page.getByText("What changes at Twilio: 5 fields").click();
    await page.getByText("voice_url", { exact: true }).waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "Import this number" }).click();
    await page.getByRole("heading", { name: phone_number }).waitFor();
    await page.getByText("Twilio sends its calls and texts here.").waitFor();
    await context.close();
  });
});

describe("agents", () => {
  it("talk in the page, by the instructions as they stand", async () => {
    const key = await world.createKey();
    const agent = await world.createAgent(key, { system_prompt: "Acme Dental is open from nine to five." });
    const { page, context } = await signIn(world, key, DESKTOP);
    await open(page, "Agents");
    await page.getByRole("link", { name: "Receptionist", exact: true }).click();
    const say = async (words: string) => {
      await page.getByLabel("Say something").fill(words);
      await page.keyboard.press("Enter");
    };
    const talk = page.getByRole("list", { name: "Test conversation" });
    await say("When are you open?");
    await talk.getByText("Acme Dental is open from nine to five.").waitFor();
    await page.getByLabel("Instructions").fill("Acme Dental is open at night.");
    await say("And on Friday, when are you open?");
    await talk.getByText("Acme Dental is open at night.").waitFor();
    await picture(page, "console-agent");
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "Begin anew" }).click();
    expect(await talk.getByRole("listitem").count()).toBe(0);
    const stored = await world.call<{ system_prompt: string }>("GET", `/v1/agents/${agent}`, key);
    expect(stored.system_prompt).toContain("nine to five");
    await context.close();
  });

  it("are compared with what is stored now, and a save says that it saved", async () => {
    const key = await world.createKey();
    const agent = await world.createAgent(key, { name: "Day" });
    const { page, context } = await signIn(world, key, DESKTOP);
    await open(page, "Agents");
    await page.getByRole("link", { name: "Day", exact: true }).click();
    await page.getByLabel("Welcome message").fill("Hello.");
    await world.call("PUT", `/v1/agents/${agent}`, key, { language: "de" });
    for (const name of ["Night", "Day"]) {
      await page.getByLabel("Name").fill(name);
      await page.getByText("Saved.").waitFor({ state: "detached" });
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByText("Saved.").waitFor();
      await page.getByRole("heading", { name, level: 1 }).waitFor();
      const stored = await world.call("GET", `/v1/agents/${agent}`, key);
      expect(stored).toMatchObject({ name, welcome_message: "Hello.", language: "de" });
    }
    expect(await page.getByLabel("Language").inputValue()).toBe("de");
    // A preview that changes with each letter is not read out.
    expect(await page.locator(".preview").getAttribute("aria-live")).toBeNull();
    await context.close();
  });

  it("are made and changed with a preview of what a caller hears", async () => {
    const key = await world.createKey();
    const { page, context } = await signIn(world, key, DESKTOP);
    await open(page, "Agents");
    await page.getByRole("link", { name: "Create your first agent" }).click();
    await page.getByLabel("Name").fill("Reception");
    await page.getByLabel("Welcome message").fill("Acme Dental, good morning.");
    const hears = page.locator(".preview");
    await page.getByLabel("Welcome message").fill("");
    await page.getByLabel("Language").fill("de");
    await hears.getByText("Guten Tag, wie kann ich helfen?").waitFor();
    await page.getByLabel("Language").fill("en");
    await page.getByLabel("Welcome message").fill("Acme Dental, good morning.");
    await hears.getByText("Acme Dental, good morning.").waitFor();
    await page.getByLabel("How it answers").selectOption({ label: "By a person: the call is passed on" });
    await page.getByLabel("Telephone number or SIP address").fill("+441632960123");
    await hears.getByText("+441632960123 rings.").waitFor();
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
    const received: unknown[] = [];
    const customer = createServer(async (request, response) => {
      received.push(await json(request));
      response.writeHead(status).end();
    });
    await new Promise<void>((resolve) => customer.listen(0, "127.0.0.1", resolve));
    const { port } = customer.address() as AddressInfo;
    const key = await world.createKey();
    await world.createAgent(key, { webhook_url: `http://127.0.0.1:${port}/events` });
    await world.call("POST", "/v1/webhooks/secret", key);
    const { page, context } = await signIn(world, key, DESKTOP);
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

    // The event: what was sent, and what was answered each time.
    await page.getByLabel("Event", { exact: true }).selectOption("webhook.test");
    await row.getByRole("link", { name: "webhook.test" }).click();
    await page.getByRole("heading", { name: "webhook.test", level: 1 }).waitFor();
    const body = JSON.parse((await page.locator(".copy code").textContent()) ?? "");
    expect(body).toEqual(received.at(-1));
    const answers = page.getByRole("table", { name: "Attempts, the oldest first" });
    expect(await answers.getByText(/^HTTP \d+, \d+ ms$/).allTextContents()).toEqual([
      expect.stringMatching(/^HTTP 404/),
      expect.stringMatching(/^HTTP 204/),
    ]);
    expect(await violations(page)).toEqual([]);
    // What was chosen is still chosen on the way back.
    await page.goBack();
    await row.waitFor();
    expect(await page.getByLabel("Event", { exact: true }).inputValue()).toBe("webhook.test");
    await page.getByLabel("Event", { exact: true }).selectOption("call.completed");
    await page.getByText("No event matches.").waitFor();
    await open(page, "Events");
    await row.waitFor();
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
    const changed = world.twilio.numbers(...numbers.slice(0, 2));
    for (const resource of changed) {
      await world.call("PATCH", `/v1/phone-numbers/${resource.phone_number}`, key, {
        drift_policy: "report",
      });
      resource.voice_url = "https://elsewhere.example/voice";
      await world.call("POST", `/v1/phone-numbers/${resource.phone_number}/check`, key);
    }
    const [, , healthy = ""] = numbers;
    for (let rings = 0; rings < 3; rings += 1) await world.twilio.ring(healthy, { say: ["Hello?"] });
    await world.twilio.text(healthy, { body: "Hello" });
    const { page, context } = await signIn(world, key, DESKTOP);
    await page.getByText("1 of 3 numbers is OK").waitFor();
    await page.getByRole("img", { name: "By day: 3 calls and 1 text in 30 days" }).waitFor();
    await picture(page, "console-overview");
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "As a table" }).click();
    const today = new Date().toISOString().slice(0, 10);
    await page.getByRole("row", { name: new RegExp(`^${today} 3 \\d+ 1$`) }).waitFor();

    await page.getByRole("link", { name: "2 numbers" }).waitFor();
    await page.getByRole("button", { name: "Repair" }).click();
    await page.getByText("Nothing. Every number is as it should be.").waitFor();
    for (const resource of changed) expect(resource.voice_url).toContain("https://numbers.example.com/");
    await context.close();
  });

  it("a token that Twilio refuses is replaced for the whole account", async () => {
    const number = "+447000006000";
    const key = await world.createKeyWith(number);
    const former = world.account.authToken;
    world.account.authToken = "0123456789abcdef0123456789abcdef";
    await world.call("POST", `/v1/phone-numbers/${number}/check`, key);
    const { page, context } = await signIn(world, key, DESKTOP);
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
    const agent = await world.createAgent(key, {
      welcome_message: "Acme Dental, good morning. How can I help?",
      system_prompt: "Acme Dental is open from nine to five on weekdays.",
      record: true,
    });
    const number = "+447000009000";
    await world.haveNumbers(key, agent, [number]);
    await world.twilio.ring(number, { from: "+447700900123", say: ["What are your opening hours?"] });
    const { page, context, complaints } = await signIn(world, key, DESKTOP);
    await open(page, "Calls");
    await page.getByText("caller hangup").waitFor();
    await page
      .getByRole("row", { name: /447700900123/ })
      .getByRole("link")
      .click();
    await page.getByText("What are your opening hours?").waitFor();
    await page.getByText("nine to five").waitFor();
    await page.getByRole("button", { name: "Listen" }).click();
    await expect.poll(() => page.evaluate("document.querySelector('audio')?.duration")).toBeGreaterThan(0);
    await picture(page, "console-call");
    expect(await violations(page)).toEqual([]);
    expect(complaints.filter((text) => !ANSWER.test(text))).toEqual([]);
    await context.close();
  });

  it("stand under their day, as the reader's clock has it", async () => {
    const number = "+447000009050";
    const key = await world.createKeyWith(number);
    await world.twilio.ring(number, { from: "+447700900123" });
    const { page, context } = await signIn(world, key, DESKTOP);
    const now = new Date();
    const at = (days: number, hour: number) =>
      new Date(now.getFullYear(), now.getMonth(), now.getDate() - days, hour).toISOString();
    const times = [now.toISOString(), at(1, 23), at(1, 0), "2020-02-29T12:00:00.000Z"];
    await page.route("**/v1/calls?*", async (route) => {
      const response = await route.fetch();
      const { calls } = (await response.json()) as { calls: object[] };
      const listed = times.map((started_at, index) => ({ ...calls[0], call_id: `CA${index}`, started_at }));
      await route.fulfill({ response, json: { calls: listed, count: 4, limit: 50, offset: 0 } });
    });
    await open(page, "Calls");
    await page.getByText("29 February 2020").waitFor();
    expect(await page.locator("tbody th").allTextContents()).toEqual([
      "Today",
      "just now",
      "Yesterday",
      "23:00",
      "00:00",
      expect.stringMatching(/^Saturday,? 29 February 2020$/),
      expect.stringMatching(/^\d\d:00$/),
    ]);
    expect(await violations(page)).toEqual([]);
    await context.close();
  });

  it("one to the own phone is placed, followed, and hung up", async () => {
    const number = "+447400009100";
    const key = await world.createKeyWith(number);
    const { page, context } = await signIn(world, key, DESKTOP);
    await open(page, "Numbers");
    await page.getByRole("link", { name: number }).click();
    await page.getByLabel("Your own phone").fill("+441632960123");
    await page.getByRole("button", { name: "Call me" }).click();
    await page.getByRole("link", { name: "It rings: follow the call" }).click();
    await page.getByRole("button", { name: "Hang up" }).waitFor();
    // A question that gets no answer does not end the follow-up.
    const calls = "**/v1/calls/CA*";
    await page.route(calls, (route) => route.abort());
    await page.getByText("The deployment did not answer").waitFor();
    await page.unroute(calls);
    await page.getByText("The deployment did not answer").waitFor({ state: "detached" });
    const answer = page.waitForResponse(/\/hangup$/);
    await page.getByRole("button", { name: "Hang up" }).click();
    await answer;
    await world.twilio.dial();
    await page.getByRole("button", { name: "Hang up" }).waitFor({ state: "detached" });
    await page.getByText("completed").waitFor();
    await context.close();
  });
});

describe("importing many numbers", () => {
  it("plans an account, imports the chosen ones, and follows the import to its end", async () => {
    const key = await world.createKey();
    await world.createAgent(key);
    const account = world.twilio.addAccount();
    const voices = {
      "+447000007000": "https://api.vapi.ai/twilio/inbound_call",
      "+447000007010": "",
      "+447000007020": "",
    };
    for (const [phone_number, voice_url] of Object.entries(voices))
      world.twilio.addNumber(account, { phone_number, voice_url });
    const [, , taken] = Object.keys(voices);
    const { page, context } = await signIn(world, key, DESKTOP);
    await open(page, "Import");
    await page.getByRole("link", { name: "Many numbers" }).click();
    await page.getByLabel("Account SID").fill(account.sid);
    await page.getByLabel("Auth Token").fill(account.authToken);
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "Show the plan" }).click();
    await page.getByText("Vapi at api.vapi.ai").waitFor();
    await page.getByRole("button", { name: "What changes for +447000007000" }).click();
    await page.getByRole("dialog").getByText("What changes at Twilio").click();
    await page.getByRole("dialog").getByText("https://api.vapi.ai/twilio/inbound_call").waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "Close" }).click();
    await page.getByLabel("Import +447000007010").uncheck();
    await picture(page, "console-bulk");
    expect(await violations(page)).toEqual([]);
    // Somebody else is faster.
    const stranger = await world.createKey();
    await world.call("POST", "/v1/phone-numbers", stranger, {
      phone_number: taken,
      twilio_sid: account.sid,
      twilio_token: account.authToken,
      agent_id: await world.createAgent(stranger),
    });
    await page.getByRole("button", { name: "Import 2 numbers" }).click();
    await page.getByText("This phone number is already imported").waitFor();
    await page.getByText("2 of 2 numbers done.").waitFor();
    const { phone_numbers } = await world.call<{ phone_numbers: { phone_number: string }[] }>(
      "GET",
      "/v1/phone-numbers",
      key,
    );
    expect(phone_numbers.map(({ phone_number }) => phone_number)).toEqual(["+447000007000"]);
    await world.call("DELETE", `/v1/phone-numbers/${taken}`, stranger);
    await page.getByRole("button", { name: "Retry failed numbers…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Auth Token").fill(account.authToken);
    await dialog.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("listitem").filter({ hasText: "imported 2" }).waitFor();
    await context.close();
  });

  it("chooses from a plan of more numbers than a page shows", async () => {
    const key = await world.createKey();
    await world.createAgent(key);
    const account = world.twilio.addAccount();
    for (let at = 0; at < 101; at += 1)
      world.twilio.addNumber(account, { phone_number: `+44700000${String(12_000 + at)}` });
    const { page, context } = await signIn(world, key, DESKTOP);
    await page.goto(`${world.origin}/console#/import/many`);
    await page.getByLabel("Account SID").fill(account.sid);
    await page.getByLabel("Auth Token").fill(account.authToken);
    await page.getByRole("button", { name: "Show the plan" }).click();
    await page.getByRole("button", { name: "Import 101 numbers" }).waitFor();
    await page.getByRole("button", { name: "Select none" }).click();
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByText("101 to 101 of 101").waitFor();
    const last = page.getByRole("checkbox");
    const label = await last.getAttribute("aria-label");
    await last.check();
    await page.getByRole("button", { name: "Import 1 number" }).click();
    await page.getByText("1 of 1 number done.").waitFor();
    const { phone_numbers } = await world.call<{ phone_numbers: { phone_number: string }[] }>(
      "GET",
      "/v1/phone-numbers",
      key,
    );
    expect(phone_numbers.map(({ phone_number }) => `Import ${phone_number}`)).toEqual([label]);
    await context.close();
  });

  it("reads a CSV file as spreadsheets write it, and refuses a column that it does not know", async () => {
    const key = await world.createKey();
    await world.createAgent(key);
    const account = world.twilio.addAccount();
    for (const phone_number of ["+447000008000", "+447000008010"])
      world.twilio.addNumber(account, { phone_number });
    const { page, context } = await signIn(world, key, DESKTOP);
    await open(page, "Import");
    await page.getByRole("link", { name: "Many numbers" }).click();
    await page.getByLabel("The numbers of a CSV file").check();
    const choose = (text: string) =>
      page
        .getByLabel("CSV file", { exact: true })
        .setInputFiles({ name: "numbers.csv", mimeType: "text/csv", buffer: Buffer.from(text) });
    // What reads it is loaded with the first file.
    await page.route("**/assets/numbers-csv.*", (route) => route.abort());
    await choose("phone_number\r\n+447000008000\r\n");
    await page.getByRole("alert").getByText("Choose the file again.").waitFor();
    await page.unroute("**/assets/numbers-csv.*");
    await choose("phone_number,agent\r\n+447000008000,x\r\n");
    await page.getByRole("alert").getByText('numbers.csv has a column "agent".').waitFor();
    await choose('\uFEFFExternal ID;Phone number\r\n"A; ""one""";+447000008000\r\nB;+447000008010\r\n');
    await page.getByText("2 numbers in the file.").waitFor();
    await page.getByLabel("Account SID").fill(account.sid);
    await page.getByLabel("Auth Token").fill(account.authToken);
    await page.getByRole("button", { name: "Import without a plan" }).click();
    await page.getByText("2 of 2 numbers done.").waitFor();
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save results.csv" }).click();
    const results = readFileSync(await (await download).path(), "utf8");
    expect(results).toContain('"A; ""one"""');
    await context.close();
  });
});

/** Lighthouse's slow 4G. https://github.com/GoogleChrome/lighthouse/blob/main/docs/throttling.md */
const SLOW = { latencyMs: 150, bytesPerSecond: (1.6 * 1024 * 1024) / 8, cpuRate: 4 };
/** Before the first byte of the page: TCP and TLS 1.3. */
const CONNECTION_WAITS = 2;

/** The files of the first load: the page, and what it names. */
function firstLoad(): Buffer[] {
  const html = readFileSync("public/console.html", "utf8");
  const named = [...html.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)];
  return [Buffer.from(html), ...named.map(([, path]) => readFileSync(`public${path}`))];
}

describe("the first load", () => {
  it("is at most 60 KB with gzip, in four files", () => {
    const files = firstLoad();
    expect(files).toHaveLength(4);
    expect(files.reduce((sum, file) => sum + gzipSync(file).length, 0)).toBeLessThanOrEqual(60_000);
  });

  // As Lighthouse reckons: by what the trace has, and not by how busy this machine is.
  it("is usable within a second on slow 4G", async () => {
    const context = await world.browser.newContext({ viewport: { width: 390, height: 844 } });
    const page = await context.newPage();
    const devtools = await context.newCDPSession(page);
    await devtools.send("Network.emulateNetworkConditions", {
      offline: false,
      latency: SLOW.latencyMs,
      downloadThroughput: SLOW.bytesPerSecond,
      uploadThroughput: SLOW.bytesPerSecond,
    });
    await devtools.send("Emulation.setCPUThrottlingRate", { rate: SLOW.cpuRate });
    const asked: string[] = [];
    page.on("request", (request) =>
      asked.push(new URL(request.url()).pathname.replace(/\.[0-9a-f]{10}\./, ".")),
    );
    await page.goto(`${world.origin}/console`, { waitUntil: "commit" });
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    // The page, what it names side by side, and last, whether somebody is signed in. The icon keeps nobody waiting.
    expect(asked.filter((path) => path !== "/assets/icon.svg")).toEqual([
      "/console",
      "/assets/console.css",
      "/assets/console.js",
      "/v1/session",
    ]);
    const waits = CONNECTION_WAITS + 3;
    const bytes = firstLoad().reduce((sum, file) => sum + gzipSync(file).length, 0);
    const seconds = (waits * SLOW.latencyMs) / 1_000 + bytes / SLOW.bytesPerSecond;
    expect(seconds).toBeLessThan(1);
    await context.close();
  });
});
