import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { open, signIn, startWorld, type World } from "./console.ts";
import { DESKTOP, overflow, PHONE } from "./support.ts";

// From an empty key to a number that rings, and what else is a key's own: accounts, secrets, links.

let world: World;

beforeAll(async () => {
  world = await startWorld();
});

afterAll(() => world?.close());

async function connect(page: Page, sid: string, token: string): Promise<void> {
  await page.getByLabel("Account SID").fill(sid);
  await page.getByLabel("Auth Token", { exact: true }).fill(token);
  await page.getByRole("button", { name: "Connect", exact: true }).click();
}

const heading = (page: Page, name: string) => page.getByRole("heading", { name, exact: true }).waitFor();

describe("an empty key", () => {
  it.each([DESKTOP, PHONE])("has a number that rings after five steps, at $width pixels", async (look) => {
    const number = `+4477009${look.width}1`.padEnd(13, "0");
    const account = world.haveAccount(number, `${number.slice(0, -1)}9`);
    const { page, context, strangers } = await signIn(world, await world.createKey(), look);
    const bodies: string[] = [];
    page.on("request", (request) => bodies.push(`${request.url()} ${request.postData() ?? ""}`));

    await heading(page, "Connect your Twilio account");
    await connect(page, account.sid, account.authToken);

    await heading(page, "Which numbers?");
    await page.getByRole("row", { name: number }).getByText("Vapi at api.vapi.ai").waitFor();
    await page.getByLabel(`Choose ${number}`).check();
    await page.getByRole("button", { name: "Go on with 1 number" }).click();

    await heading(page, "Who answers it?");
    await page.getByLabel("Name").fill("Reception");
    await page.getByLabel("Welcome message").fill("Acme Dental, good morning.");
    await page.getByRole("button", { name: "Make this agent" }).click();

    await heading(page, `The plan for ${number}`);
    await page.getByText("Vapi at api.vapi.ai").waitFor();
    await page.getByRole("button", { name: "Import this number" }).click();

    await heading(page, `${number} is here`);
    await page.getByLabel("Your own phone").fill("+441632960123");
    await page.getByRole("button", { name: "Call me" }).click();
    await page.getByRole("link", { name: "It rings: follow the call" }).waitFor();
    await world.twilio.ring(number, { from: "+447700900199" });
    await page.getByText("It rang, and the agent answered.").waitFor();
    expect(await overflow(page)).toBe(0);

    // Only the request that connected the account had its secret.
    expect(bodies.filter((text) => text.includes(account.authToken))).toEqual([
      expect.stringMatching(/\/v1\/twilio-accounts /),
    ]);
    await open(page, "Overview");
    await page.getByText("1 of 1 number is OK").waitFor();
    expect(strangers).toEqual([]);
    await context.close();
  });

  it("brings several numbers at once, by a plan of all of them", async () => {
    const numbers = ["+447700901001", "+447700901002"];
    const account = world.haveAccount(...numbers);
    const key = await world.createKey();
    await world.createAgent(key);
    const { page, context } = await signIn(world, key, DESKTOP);
    await connect(page, account.sid, account.authToken);
    for (const number of numbers) await page.getByLabel(`Choose ${number}`).check();
    await page.getByRole("button", { name: "Go on with 2 numbers" }).click();
    await page.getByRole("button", { name: "Show the plan" }).click();
    await page.getByRole("button", { name: "Import 2 numbers" }).click();
    await page.getByText("2 of 2 numbers done.").waitFor();
    await context.close();
  });
});

describe("accounts", () => {
  it("are connected once, then imported from without a secret, and disconnected", async () => {
    const numbers = ["+447700902001", "+447700902002"];
    const account = world.haveAccount(...numbers);
    const key = await world.createKey();
    await world.createAgent(key);
    const { page, context } = await signIn(world, key, DESKTOP);
    await open(page, "Accounts");
    await page.getByText("No accounts yet").waitFor();
    await connect(page, account.sid, "0".repeat(32));
    // What is wrong stands at the field, which has the focus.
    const token = page.getByLabel("Auth Token", { exact: true });
    await page.getByRole("alert").getByText("Twilio answered 20003").waitFor();
    expect([
      await token.getAttribute("aria-invalid"),
      await token.evaluate("document.activeElement.name"),
    ]).toEqual(["true", "twilio_token"]);
    await connect(page, account.sid, account.authToken);
    await page.getByText("Its numbers are imported without its credentials.").waitFor();

    const bodies: string[] = [];
    page.on("request", (request) => bodies.push(request.postData() ?? ""));
    await open(page, "Import");
    expect(await page.getByLabel("Twilio account").inputValue()).toBe(account.sid);
    expect(await page.getByLabel("Auth Token").count()).toBe(0);
    await page.getByLabel("Phone number").fill(numbers[0] ?? "");
    await page.getByRole("button", { name: "Show the plan" }).click();
    await page.getByRole("button", { name: "Import this number" }).click();
    await heading(page, numbers[0] ?? "");
    await open(page, "Import");
    await page.getByRole("link", { name: "Many numbers" }).click();
    await page.getByRole("button", { name: "Show the plan" }).click();
    await page.getByRole("button", { name: "Import 1 number" }).click();
    await page.getByText("1 of 1 number done.").waitFor();
    expect(bodies.filter((text) => text.includes("twilio_token"))).toEqual([]);

    await open(page, "Accounts");
    const row = page.getByRole("row", { name: account.sid });
    await row.getByRole("link").click();
    await page.getByRole("link", { name: "2 numbers" }).waitFor();
    expect(await page.getByRole("button", { name: "Disconnect…" }).isDisabled()).toBe(true);
    for (const number of numbers) await world.call("DELETE", `/v1/phone-numbers/${number}`, key);
    await page.reload();
    await page.getByRole("button", { name: "Disconnect…" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Disconnect" }).click();
    await page.getByText("No accounts yet").waitFor();
    await context.close();
  });

  it("say what is left to do until Twilio signs by a SharedKey", async () => {
    const account = world.haveAccount();
    const key = await world.createKey();
    const body = { twilio_sid: account.sid, twilio_token: account.authToken };
    const { twilio_account } = await world.call<{ twilio_account: { twilio_account_id: string } }>(
      "POST",
      "/v1/twilio-accounts",
      key,
      body,
    );
    const { page, context } = await signIn(world, key, DESKTOP);
    const steps = ["shared_key", "setting", "rule", "signing_key"];
    await page.route("**/v1/twilio-accounts/twa_*", (route) =>
      route.fulfill({
        json: {
          twilio_account: {
            ...twilio_account,
            ...{ credential: "api_key", signed_by: "shared_key", status: "connecting" },
            not_made: { reason: "missing_permission", permission: "webhooks/rules/create" },
            to_do: steps.map((step) => ({ step, request: `curl https://webhooks.twilio.com/${step}` })),
          },
        },
      }),
    );
    await page.goto(`${world.origin}/console#/accounts/${twilio_account.twilio_account_id}`);
    await page.getByText("webhooks/rules/create").waitFor();
    expect(await page.getByRole("button", { name: /^Copy the request for/ }).count()).toBe(3);
    await page.getByLabel("SharedKey id").waitFor();
    // The demo's deployment allows no API keys, and the page says so.
    await page.getByLabel("SharedKey id").fill("WK1");
    await page.getByLabel("SharedKey secret").fill("secret");
    await page.getByRole("button", { name: "Save the SharedKey" }).click();
    await page.getByRole("link", { name: /api_keys_disabled/ }).waitFor();
    await context.close();
  });
});

describe("secrets", () => {
  it("are made, shown once, limited to a customer who sees only his own, and ended", async () => {
    const key = await world.createKey();
    const agent = await world.createAgent(key, { name: "Day" });
    const [his, others] = ["+447700903001", "+447700903002"] as const;
    await world.haveNumbers(key, agent, [his, others]);
    await world.call("PATCH", `/v1/phone-numbers/${his}`, key, { external_id: "acme" });
    for (const number of [his, others]) await world.twilio.ring(number, { from: "+447700900123" });
    const { page, context } = await signIn(world, key, DESKTOP);
    await open(page, "API key");
    await page.getByRole("button", { name: "New secret…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("portal");
    await dialog.getByLabel("It may").selectOption("read");
    await dialog.getByLabel("Only numbers with your id").fill("acme");
    await dialog.getByLabel("It ends").fill("2000-01-01T00:00");
    await dialog.getByRole("button", { name: "Create" }).click();
    await dialog.getByRole("alert").getByText("It must be in the future.").waitFor();
    await dialog.getByLabel("It ends").fill("");
    await dialog.getByRole("button", { name: "Create" }).click();
    const secret = (await dialog.locator("code").textContent()) ?? "";
    expect(secret).toMatch(/^nxf_[0-9a-f]{32}:nxfs_[0-9a-f]{64}$/);
    await dialog.getByRole("button", { name: "I have saved it" }).click();
    const row = page.getByRole("row", { name: /^portal sees, of acme never/ });
    await row.waitFor();
    expect(await page.getByText(secret).count()).toBe(0);

    const portal = await signIn(world, secret, PHONE);
    const refused: string[] = [];
    portal.page.on("response", (response) => {
      if (response.status() >= 400) refused.push(`${response.status()} ${response.url()}`);
    });
    await portal.page.getByText("1 of 1 number is OK").waitFor();
    expect(
      await portal.page.getByRole("navigation", { name: "Console" }).getByRole("link").allTextContents(),
    ).toEqual(["Overview", "Numbers", "Agents", "Calls", "Texts", "Events", "API key"]);
    for (const name of ["Numbers", "Calls", "Agents", "Texts", "Events", "API key"]) {
      await open(portal.page, name);
      await portal.page.waitForLoadState("networkidle");
      expect([name, await portal.page.getByText(others).count()]).toEqual([name, 0]);
      expect([
        name,
        await portal.page.getByRole("button", { name: /…$|^Send|^Repair|^Save/ }).count(),
      ]).toEqual([name, 0]);
    }
    await portal.page.goto(`${world.origin}/console#/numbers/${encodeURIComponent(his)}`);
    await portal.page.getByText("Twilio sends its calls and texts here.").waitFor();
    await portal.page.waitForLoadState("networkidle");
    expect(await portal.page.getByRole("button", { name: "Check now" }).count()).toBe(0);
    for (const path of ["import", "accounts", "links", "start"]) {
      await portal.page.goto(`${world.origin}/console#/${path}`);
      await heading(portal.page, "No such page");
    }
    expect(refused).toEqual([]);

    await page.reload();
    await page.getByRole("row", { name: /^portal sees, of acme \d{4}-/ }).waitFor();
    await page.getByRole("button", { name: "End portal" }).click();
    await dialog.getByRole("button", { name: "End it now" }).click();
    await page.getByRole("button", { name: "End portal" }).waitFor({ state: "detached" });
    await open(portal.page, "Calls");
    await heading(portal.page, "Sign in");
    await Promise.all([context.close(), portal.context.close()]);
  });
});

describe("links", () => {
  it("are made, shown once, and say what became of them", async () => {
    const number = "+447700904001";
    const account = world.haveAccount(number);
    const key = await world.createKey();
    await world.createAgent(key);
    const { page, context } = await signIn(world, key, DESKTOP);
    await open(page, "Links");
    await page.getByText("No links yet").waitFor();
    await page.getByLabel("Your name on the page").fill("acme.example");
    await page.getByLabel("Label").fill("Dr. Smith");
    await page.getByRole("button", { name: "Make the link" }).click();
    await page.getByRole("alert").getByText("brand_name must be a name").waitFor();
    expect(await page.getByLabel("Your name on the page").getAttribute("aria-invalid")).toBe("true");
    await page.getByLabel("Your name on the page").fill("Acme");
    await page.getByRole("button", { name: "Make the link" }).click();
    const url = (await page.getByRole("dialog").locator("code").textContent()) ?? "";
    await page.getByRole("button", { name: "I have sent it" }).click();
    await page.getByRole("row", { name: /^Dr\. Smith .* open/ }).waitFor();
    const credentials = { twilio_sid: account.sid, twilio_token: account.authToken };
    const ask = world.customerOf(url);
    for (const [path, body] of [
      ["twilio-account", credentials],
      ["phone-numbers", { phone_number: number }],
    ] as const)
      expect((await ask(path, body)).ok, path).toBe(true);
    await page.getByRole("button", { name: "Refresh" }).click();
    await page
      .getByRole("row", { name: /completed/ })
      .getByText("no call yet")
      .waitFor();
    await page.getByRole("button", { name: "Delete the link for Dr. Smith" }).click();
    await page.getByText("No links yet").waitFor();
    await context.close();
  });
});

describe("texts", () => {
  it("are counted, and one is sent", async () => {
    const number = "+447700905001";
    const key = await world.createKeyWith(number);
    await world.twilio.text(number, { body: "Hello" });
    const { page, context } = await signIn(world, key, PHONE);
    await open(page, "Texts");
    await page
      .getByRole("row", { name: new RegExp(`^${new Date().toISOString().slice(0, 10)} 1$`) })
      .waitFor();
    await page.getByLabel("To", { exact: true }).fill("123");
    await page.getByLabel("Text", { exact: true }).fill("Your table is ready.");
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByRole("alert").waitFor();
    await page.getByLabel("To", { exact: true }).fill("+441632960123");
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByText(`Twilio has it: queued, from ${number} to +441632960123.`).waitFor();
    await context.close();
  });
});
