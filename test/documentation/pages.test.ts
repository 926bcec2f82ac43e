import { describe, expect, it } from "vitest";
import { BASE, expectError, send } from "../support/worker.ts";

const get = (path: string, headers: Record<string, string> = {}) =>
  send(new Request(`${BASE}${path}`, { headers }));

const PAGES: [path: string, type: RegExp][] = [
  ["/", /^text\/html/],
  ["/docs", /^text\/html/],
  ["/console", /^text\/html/],
  ["/docs/quickstart", /^text\/html/],
  ["/docs/agents", /^text\/html/],
  ["/docs/runtime", /^text\/html/],
  ["/docs/events", /^text\/html/],
  ["/docs/errors", /^text\/html/],
  ["/docs/errors/missing_field", /^text\/html/],
  ["/openapi.json", /^application\/json/],
  ["/llms.txt", /^text\/plain/],
  ["/llms-full.txt", /^text\/plain/],
];

describe.each(PAGES)("GET %s", (path, type) => {
  it("is served with security headers, and asked for anew each time", async () => {
    const response = await get(path);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toMatch(type);
    expect(response.headers.get("content-security-policy")).toMatch(
      /^default-src 'none';.*frame-ancestors 'none'$/,
    );
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("referrer-policy")).toBe("no-referrer");
    expect(response.headers.get("cache-control")).toBe("no-cache");
  });

  it("is 304 while it is the same, and knows HEAD", async () => {
    const etag = (await get(path)).headers.get("etag") ?? "";
    expect((await get(path, { "if-none-match": etag })).status).toBe(304);
    const head = await send(new Request(`${BASE}${path}`, { method: "HEAD" }));
    expect([head.status, await head.text()]).toEqual([200, ""]);
  });

  it("links to nothing that is not there, and loads nothing from elsewhere", async () => {
    const text = await (await get(path)).text();
    const targets = [...text.matchAll(/(?:href|src)="([^"#]+)|\]\((\/[^)#]+)/g)].map(
      ([, a, b]) => a ?? b ?? "",
    );
    // A guide may lead to Twilio's documentation.
    const own = targets.filter((target) => !target.startsWith("https://www.twilio.com/docs/"));
    for (const target of new Set(own)) {
      expect(target).toMatch(/^\//);
      expect([target, (await get(target)).status]).toEqual([target, 200]);
    }
  });
});

describe("the landing page", () => {
  it("shows the request as this deployment takes it", async () => {
    const page = await (await get("/")).text();
    expect(page).toContain(`>${BASE}</span>/v1/phone-numbers`);
    expect(page).toContain("+447446466847");
    expect(page).toContain('href="/docs"');
  });
});

describe("assets", () => {
  it("are kept for good, for their names change with their content", async () => {
    const page = await (await get("/docs")).text();
    const [script] = /\/assets\/scalar\.[0-9a-f]+\.js/.exec(page) ?? [];
    const response = await get(script ?? "");
    expect(response.headers.get("content-type")).toMatch(/javascript/);
    expect(response.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect((await response.text()).length).toBeGreaterThan(100_000);
  });

  it("that are not there are not_found, like everything else", async () => {
    for (const path of [
      "/assets/nothing.js",
      "/assets/",
      "/docs/errors/missing_field.html",
      "/docs/errors/nonsense",
      "/docs.html",
      "/index.html",
      "/docs/",
      "/openapi.json/",
    ]) {
      const error = await expectError(await get(path), 404, "not_found");
      expect(error.type).toBe("not_found");
    }
  });
});
