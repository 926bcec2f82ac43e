import type { Page, Route } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { signIn, startWorld, type World } from "./console.ts";
import { DESKTOP, overflow, PHONE, violations, visit } from "./support.ts";

// Every page of the console, in every state: on a phone and on a desk, light and dark.

let world: World;

beforeAll(async () => {
  world = await startWorld();
});

afterAll(() => world?.close());

// What is wider than its place, has more lines than it may have, or is broken within a word of ordinary length.
const BROKEN = `[...document.querySelectorAll(".table")]
  .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth).map(({ scrollWidth }) => scrollWidth)
  .concat([["button", 1], [".whole", 1], [".mark", 2], [".copy code", 3]]
  .flatMap(([selector, lines]) => [...document.querySelectorAll(selector)]
  .filter((element) => new Set([...element.getClientRects()].map(({ top }) => Math.round(top))).size > lines)
  .map(({ textContent }) => textContent)))`;

/** Structure does not change with the colours, so in the dark only they are looked at. */
async function expectFine(page: Page, name: string): Promise<void> {
  for (const width of [390, 1280]) {
    await page.setViewportSize({ width, height: 900 });
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      const look = `${name}-${width}-${colorScheme}`;
      if (process.env.LOOKS)
        await page.screenshot({ path: `${process.env.LOOKS}/${look}.png`, fullPage: true });
      const found = await violations(page, colorScheme === "dark" ? ["color-contrast"] : undefined);
      expect([look, await overflow(page), await page.evaluate(BROKEN), found]).toEqual([look, 0, [], []]);
    }
  }
}

const LONG = "Receptionist".repeat(9).slice(0, 100);
const NUMBER = "+447700906001";

/** A key that has everything, each with a name as long as it may be and without a place to break it. */
async function haveEverything(number = NUMBER): Promise<{ key: string; paths: Record<string, string> }> {
  const key = await world.createKey();
  const agent = await world.createAgent(key, {
    name: LONG,
    welcome_message: `${LONG} speaking.`,
    webhook_url: "https://customer.example/events",
  });
  await world.call("POST", "/v1/webhooks/secret", key);
  await world.haveNumbers(key, agent, [number]);
  await world.call("PATCH", `/v1/phone-numbers/${number}`, key, { label: LONG, external_id: LONG });
  const secret = { name: LONG, scope: "read", external_id: LONG };
  const { key_id = "", key_secret = "" } = await world.call("POST", "/v1/keys/secrets", key, secret);
  await world.call("GET", "/v1/session", `${key_id}:${key_secret}`);
  await world.call("POST", "/v1/connect-links", key, { agent_id: agent, label: LONG, external_id: LONG });
  await world.twilio.ring(number, { from: "+447700900123", say: ["What are your opening hours?"] });
  await world.twilio.text(number, { body: "Hello" });
  const { twilio_accounts } = await world.call<{ twilio_accounts: { twilio_account_id: string }[] }>(
    "GET",
    "/v1/twilio-accounts",
    key,
  );
  const { calls } = await world.call<{ calls: { call_id: string }[] }>("GET", "/v1/calls", key);
  const { deliveries } = await world.call<{ deliveries: { id: string }[] }>(
    "GET",
    "/v1/webhooks/deliveries?event=call.completed",
    key,
  );
  return {
    key,
    paths: {
      number: `numbers/${encodeURIComponent(number)}`,
      agent: `agents/${agent}`,
      call: `calls/${calls[0]?.call_id}`,
      account: `accounts/${twilio_accounts[0]?.twilio_account_id}`,
      event: `events/${deliveries[0]?.id}`,
    },
  };
}

const LISTS = {
  overview: "overview",
  numbers: "numbers",
  import: "import",
  bulk: "import/many",
  start: "start",
  agents: "agents",
  calls: "calls",
  texts: "texts",
  events: "events",
  accounts: "accounts",
  links: "links",
  key: "key",
};

/** Pages of one thing. */
const UNKNOWN = {
  number: `numbers/${encodeURIComponent("+447700906002")}`,
  agent: "agents/agent_1",
  call: "calls/CA1",
  account: "accounts/twa_1",
  event: "events/evt_1",
};

/** Who is signed in is still answered: the other requests are about the page. */
const ofPage = (url: URL) => url.pathname.startsWith("/v1/") && url.pathname !== "/v1/session";

async function show(page: Page, path: string, isOver = true): Promise<void> {
  // Loaded anew, a page has forgotten what the one before knew.
  await page.goto(`${world.origin}/openapi.json`);
  await page.goto(`${world.origin}/console#/${path}`);
  await page.getByRole("heading", { level: 1 }).waitFor();
  if (!isOver) return;
  await page.waitForLoadState("networkidle");
  await expect.poll(() => page.getByText("Loading…").count(), { timeout: 60_000 }).toBe(0);
}

describe("every page of the console", () => {
  it("is in its place, accessible and by itself when it is full", async () => {
    const { key, paths } = await haveEverything();
    const { page, context, strangers } = await signIn(world, key, PHONE);
    for (const [name, path] of Object.entries({ ...LISTS, ...paths })) {
      await show(page, path);
      await expectFine(page, `full-${name}`);
    }
    await show(page, paths.number ?? "");
    await page.getByRole("button", { name: "Release…" }).click();
    await page.getByText("What changes at Twilio").click();
    await expectFine(page, "full-release");
    expect(strangers).toEqual([]);
    await context.close();
  });

  it("is so with an event that has no attempt, no body, or a name that is new to it", async () => {
    const { key, paths } = await haveEverything("+447700906003");
    const { page, context } = await signIn(world, key, PHONE);
    // An event that nobody has tried to send, and one that was delivered long ago.
    const [, id = ""] = paths.event?.split("/") ?? [];
    let told: object = { state: "pending", attempts: [] };
    await page.route(`**/v1/webhooks/deliveries/${id}`, async (route) => {
      const response = await route.fetch();
      const { delivery, payload } = (await response.json()) as { delivery: object; payload: object };
      await route.fulfill({ response, json: { delivery: { ...delivery, ...told }, payload, ...told } });
    });
    await show(page, paths.event ?? "");
    await page.getByText("it has not been sent yet").waitFor();
    await expectFine(page, "unsent-event");
    told = { state: "delivered", payload: null };
    await page.getByRole("button", { name: "Refresh" }).click();
    await page.getByText("A body is deleted 7 days after it was delivered.").waitFor();
    await expectFine(page, "forgotten-event");

    // An event that this console has never heard of.
    await page.route("**/v1/phone-numbers/*/events?*", async (route) => {
      const response = await route.fetch();
      const { deliveries: [first] = [] } = (await response.json()) as { deliveries?: object[] };
      const changed = { event: "number.some_change", actor: { kind: "session", name: "portal" } };
      await route.fulfill({ response, json: { deliveries: [{ ...first, ...changed }], count: 1 } });
    });
    await show(page, paths.number ?? "");
    await page
      .locator(".timeline li", { hasText: "Some change by a session of the secret portal, " })
      .waitFor();
    await expectFine(page, "unknown-happened");
    await context.close();
  });

  it("is so when there is nothing yet, and says what to do", async () => {
    const { page, context } = await signIn(world, await world.createKey(), PHONE);
    for (const [name, path] of Object.entries(LISTS)) {
      await show(page, path);
      await expectFine(page, `empty-${name}`);
    }
    await context.close();
  });

  it.each([
    ["a list", LISTS],
    ["one thing", UNKNOWN],
  ])("of %s is so while it waits, and after a failure, from which a button leads on", async (_, pages) => {
    const { page, context } = await signIn(world, await world.createKey(), PHONE);
    const waiting: Route[] = [];
    await page.route(ofPage, (route) => void waiting.push(route));
    const error = { code: "storage_unavailable", message: "The database did not answer.", details: {} };
    const fails = (route: Route) => route.fulfill({ status: 503, json: { error } });
    for (const [name, path] of Object.entries(pages)) {
      await show(page, path, false);
      await page.getByText("Loading…").first().waitFor();
      await expectFine(page, `loading-${name}`);
      await Promise.all(waiting.splice(0).map(fails));
      await page.getByRole("alert").first().waitFor();
      await expectFine(page, `failed-${name}`);
      await page.getByRole("button", { name: "Try again" }).first().click();
      await page.getByText("Loading…").or(page.locator("button[aria-busy=true]")).first().waitFor();
      waiting.length = 0;
    }
    await context.close();
  });

  it("is drawn while nobody knows yet who is signed in, and when that cannot be known", async () => {
    const { page, context } = await visit(world.browser, `${world.origin}/openapi.json`, PHONE);
    let waiting: Route | undefined;
    await page.route("**/v1/session", (route) => {
      waiting = route;
    });
    await page.goto(`${world.origin}/console`);
    await page.getByText("Signing in…").waitFor();
    await expectFine(page, "loading-session");
    await expect.poll(() => waiting).toBeDefined();
    await waiting?.abort();
    await page.getByRole("alert").waitFor();
    await expectFine(page, "failed-session");
    await page.unroute("**/v1/session");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await page.getByLabel("API key").fill("nothing");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").waitFor();
    expect(await page.getByLabel("API key").getAttribute("aria-invalid")).toBe("true");
    await expectFine(page, "sign-in-refused");
    await context.close();
  });
});

describe("20,000 numbers", () => {
  it("are in a table that loads one page at a time", async () => {
    const first = "+447700907000";
    const key = await world.createKeyWith(first);
    await world.multiply(first, 19_999);
    const { page, context } = await signIn(world, key, DESKTOP);
    // Until then the overview asks for what it shows.
    await page.getByText(/of 20,000 numbers/).waitFor();
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    await page.goto(`${world.origin}/console#/numbers`);
    await page.getByText("1 to 50 of 20,000").waitFor();
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByText("51 to 100 of 20,000").waitFor();
    expect(await page.locator("tbody tr").count()).toBe(50);
    expect(
      asked.filter((url) => url.includes("/v1/phone-numbers?")).map((url) => new URL(url).search),
    ).toEqual(["?limit=50&offset=0", "?limit=50&offset=50"]);
    await context.close();
  });
});
