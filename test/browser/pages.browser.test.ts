import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openApiDocument } from "../../reference/openapi.ts";
import { operationsOf } from "../../scripts/documentation/operations.ts";
import { type Look, overflow, scrollThrough, startBrowser, violations, visit } from "./support.ts";

let browser: Awaited<ReturnType<typeof startBrowser>>;

beforeAll(async () => {
  browser = await startBrowser();
});

afterAll(() => browser?.close());

const PHONE = 360;
const DESKTOP = 1280;
// The reference takes a minute to draw and to look through: both widths and both schemes, but not each with each.
const FEW: Look[] = [
  { width: PHONE, colorScheme: "light" },
  { width: DESKTOP, colorScheme: "dark" },
];
const LOOKS: Look[] = [
  ...FEW,
  { width: PHONE, colorScheme: "dark" },
  { width: DESKTOP, colorScheme: "light" },
];

const REFERENCE = "/docs";

/** A page, and a heading that is there once it has been drawn. */
const PAGES: [path: string, sign: string][] = [
  ["/", "Bring your own Twilio number to your AI agent"],
  ["/docs/quickstart", "Look before you import"],
  ["/docs/events", "Events"],
  ["/docs/errors", "Errors"],
  ["/docs/errors/twilio_auth_failed", "What to do"],
  [REFERENCE, "Import a number"],
];

/** The reference has every operation, and tries one here and nowhere else. */
async function expectOperations(page: Page): Promise<void> {
  for (const { summary, anchor } of operationsOf(openApiDocument())) {
    await page.getByRole("heading", { name: summary }).first().waitFor();
    // Where the landing page and the error pages link to.
    await page.locator(`[id$="${anchor}"]`).waitFor({ state: "attached" });
  }
  // An import shows its 201 and not the 200 of a dry run.
  const selected = page.locator('.response-card [role="tab"][aria-selected="true"]').first();
  await expect.poll(() => selected.textContent()).toContain("201");
  await page
    .getByRole("button", { name: /^Test Request.*healthz/ })
    .first()
    .click();
  await page.getByRole("button", { name: /^Send/ }).first().click();
  await page.getByText("200 OK").first().waitFor();
}

describe.each(PAGES)("%s", (path, sign) => {
  it.each(path === REFERENCE ? FEW : LOOKS)(
    "at $width pixels, $colorScheme: drawn, in its place, accessible, and by itself",
    async (look) => {
      const { page, context, strangers, complaints } = await visit(
        browser.browser,
        browser.origin + path,
        look,
      );
      if (process.env.SCREENSHOTS) {
        const name = `${path.replace(/\W+/g, "-")}-${look.width}-${look.colorScheme}.png`;
        await page.screenshot({ path: `${process.env.SCREENSHOTS}/${name}` });
      }
      await scrollThrough(page);
      await page.getByRole("heading", { name: sign }).first().waitFor();
      expect(await overflow(page)).toBe(0);
      expect(await violations(page)).toEqual([]);
      if (path === REFERENCE) await expectOperations(page);
      expect(complaints).toEqual([]);
      expect(strangers).toEqual([]);
      await context.close();
    },
  );
});
