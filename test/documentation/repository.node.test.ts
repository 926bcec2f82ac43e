import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { apiText } from "../../scripts/documentation/build.ts";
import { operationsOf } from "../../scripts/documentation/operations.ts";
import { openApiDocument } from "../../src/documentation/openapi.ts";

describe("the repository's own pages", () => {
  it("docs/api.md is what the document says; `npm run docs:build` writes it", () => {
    expect(readFileSync("docs/api.md", "utf8")).toBe(apiText());
  });

  it("README.md lists every operation, with a link into the reference", () => {
    const readme = readFileSync("README.md", "utf8");
    for (const { method, path, anchor } of operationsOf(openApiDocument())) {
      expect(readme).toContain(`[\`${method} ${path}\`](http://localhost:8787/docs#${anchor})`);
    }
  });
});
