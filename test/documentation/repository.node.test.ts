import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { openApiDocument } from "../../reference/openapi.ts";
import { apiText } from "../../scripts/documentation/build.ts";
import { operationsOf } from "../../scripts/documentation/operations.ts";
import { errorCatalogue } from "../../src/http/errors.ts";

const read = (path: string) => readFileSync(path, "utf8");
const api = read("docs/api.md");

describe("the repository's own reference", () => {
  it("docs/api.md is what the document says; `npm run docs:build` writes it", () => {
    expect(api).toBe(apiText());
  });

  it("has every operation and every error, and the README leads there", () => {
    const headings = new Set([...api.matchAll(/^##+ (.+)$/gm)].map(([, heading]) => heading));
    for (const { method, path } of operationsOf(openApiDocument())) {
      expect(headings).toContain(`${method} ${path}`);
    }
    for (const code of Object.keys(errorCatalogue)) expect(headings).toContain(code);
    expect(read("README.md")).toContain("](docs/api.md)");
  });

  it("docs/errors.md has every error of an import, each with its status", () => {
    const page = read("docs/errors.md");
    const documented = openApiDocument().paths?.["/v1/phone-numbers"]?.post?.responses ?? {};
    const codes = Object.values(documented).flatMap((response) =>
      Object.keys((response as Response).content?.["application/json"]?.examples ?? {}),
    );
    const errors = codes.filter((code) => code in errorCatalogue) as (keyof typeof errorCatalogue)[];
    expect(errors.length).toBeGreaterThan(20);
    for (const code of errors) {
      const { status } = errorCatalogue[code];
      expect(page, code).toMatch(new RegExp(`\`${code}\`( +\\| +${status} +\\|| \\(${status}\\))`));
    }
  });
});

type Response = { content?: Record<string, { examples?: object }> };
