import { existsSync } from "node:fs";
import axe, { type AxeResults } from "axe-core";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { createTestHarness } from "wrangler";
import { freshSecrets } from "../../scripts/fresh-secrets.ts";

// Nothing here reads where a request came from, so wrangler need not ask Cloudflare for an example of it.
process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

export function launch(): Promise<Browser> {
  if (!existsSync(CHROMIUM))
    throw new Error(`There is no ${CHROMIUM}: apt-get install chromium, or set CHROMIUM.`);
  return chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
}

/** The Worker on a port of its own, and a browser. */
export async function startBrowser() {
  const browser = await launch();
  const server = createTestHarness({
    workers: [
      {
        configPath: "wrangler.toml",
        vars: { PUBLIC_BASE_URL: "https://numbers.example.com" },
        secrets: freshSecrets(),
      },
    ],
  });
  const origin = (await server.listen()).url.origin;
  await server.getWorker<Env>().applyD1Migrations("DB");
  return {
    origin,
    browser,
    close: async () => {
      await browser.close();
      await server.close();
    },
  };
}

export type Visit = { page: Page; context: BrowserContext; strangers: string[]; complaints: string[] };

export type Look = { width: number; colorScheme: "light" | "dark" };

export const DESKTOP: Look = { width: 1280, colorScheme: "light" };
export const PHONE: Look = { width: 390, colorScheme: "light" };

/** Opens a page and notes what it asks of other hosts, and what the browser complains of (its CSP included). */
export async function visit(browser: Browser, url: string, { width, colorScheme }: Look): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
  // The reference is four megabytes of script, and a busy machine takes its time to run them.
  context.setDefaultTimeout(150_000);
  const page = await context.newPage();
  const strangers: string[] = [];
  const complaints: string[] = [];
  page.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol !== "data:" && protocol !== "blob:" && origin !== new URL(url).origin)
      strangers.push(request.url());
  });
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(url, { waitUntil: "networkidle" });
  return { page, context, strangers, complaints };
}

/** Scrolls to the end of the page, a little each frame: the reference draws its sections as they come into view. */
export async function scrollThrough(page: Page): Promise<void> {
  await page.evaluate(`(async () => {
    const { scrollingElement } = document;
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    for (let top = 0; top < scrollingElement.scrollHeight; top += 200) {
      scrollingElement.scrollTop = top;
      await frame();
      await frame();
    }
  })()`);
  // A section's name may be drawn after the section.
  await page.waitForFunction(
    `[...document.querySelectorAll("[aria-labelledby]")].every((element) =>
      element.getAttribute("aria-labelledby").split(" ").every((id) => document.getElementById(id)))`,
  );
}

/** How many pixels the page is wider than its window. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
}

/** What axe finds wrong: rule, and the elements it is about. @param rules only these */
export async function violations(
  page: Page,
  rules?: string[],
): Promise<{ rule: string; elements: string[] }[]> {
  if (!(await page.evaluate("'axe' in globalThis"))) await page.evaluate(axe.source);
  const options = { resultTypes: ["violations"], ...(rules && { runOnly: rules }) };
  const results: AxeResults = await page.evaluate(`axe.run(document, ${JSON.stringify(options)})`);
  return results.violations.map(({ id, nodes }) => ({
    rule: id,
    elements: nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`),
  }));
}
