import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { countries } from "../../scripts/countries.ts";

it("data/countries.json is what the package says, and small", () => {
  const file = readFileSync("data/countries.json", "utf8");
  expect(JSON.parse(file), "run `npm run countries`").toEqual(countries());
  expect(gzipSync(file).byteLength).toBeLessThan(10_000);
});
