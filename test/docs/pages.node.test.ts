import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";

// What the pages say of the repository is there, and none is too long to read.

const MAX_WORDS = 1_500;
/** Of all pages together, as `wc -w` counts them: whoever adds one takes something away. */
const MAX_WORDS_OF_ALL = 33_000;
/** Generated, or a list that only grows. */
const LONG = ["docs/api.md", "CHANGELOG.md"];

const read = (path: string) => readFileSync(path, "utf8");
const pages = globSync(["*.md", "docs/**/*.md", "sdk/README.md", "sdk/python/README.md"]).sort();
const readme = read("README.md");

const withoutCode = (markdown: string) => markdown.replace(/^ *```[\s\S]*?^ *```$/gm, "");
/** Words of the text; what draws a table is none. */
const words = (text: string) => text.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length;

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(path: string): Set<string> {
  const headings = [...withoutCode(read(path)).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => heading);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

describe.each(pages)("%s", (page) => {
  const text = withoutCode(read(page));

  it("links to pages and headings that are there", () => {
    const broken = [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target = ""]) => target)
      .filter((target) => !/^(https?:|mailto:|\/)/.test(target))
      .filter((target) => {
        const [path = "", anchor] = target.split("#");
        const file = path === "" ? page : normalize(join(dirname(page), path));
        if (!existsSync(file)) return true;
        return anchor !== undefined && !anchorsOf(file).has(anchor);
      });
    expect(broken).toEqual([]);
  });

  it("names files that are there", () => {
    const named = [
      ...text.matchAll(/`((?:src|test|scripts|bench|examples|sdk|migrations|docs)\/[^`<>{}…\s]*)`/g),
    ];
    const missing = named.map(([, path = ""]) => path).filter((path) => !/^sdk\/(python\/)?dist$/.test(path));
    expect(missing.filter((path) => globSync(path).length === 0)).toEqual([]);
  });

  it.skipIf(LONG.includes(page))(`has at most ${MAX_WORDS} words`, () => {
    expect(words(read(page))).toBeLessThanOrEqual(MAX_WORDS);
  });
});

describe("the pages of docs", () => {
  it(`have at most ${MAX_WORDS_OF_ALL} words together, beside the reference and the decisions`, () => {
    const texts = globSync(["docs/*.md", "docs/runbooks/*.md"])
      .filter((path) => path !== "docs/api.md")
      .map(read);
    expect(texts.join("\n").trim().split(/\s+/).length).toBeLessThanOrEqual(MAX_WORDS_OF_ALL);
  });
});

describe("README.md", () => {
  it("is short, and links to nothing that runs only on its author's machine", () => {
    expect(readme.split("\n").length).toBeLessThanOrEqual(180);
    expect(words(readme)).toBeLessThanOrEqual(1_400);
    expect(readme).not.toMatch(/\]\(http:\/\/(localhost|127\.)/);
  });

  it("makes five promises, each with the test that proves it", () => {
    const promises = readme.match(/^- \*\*[^:]+?\.\*\*[\s\S]*?(?=\n- |\n\n)/gm) ?? [];
    expect(promises).toHaveLength(5);
    for (const promise of promises) expect(promise).toMatch(/\]\(test\/[\w/-]+\.test\.ts\)$/);
  });

  it("leads to every page of docs", () => {
    const linked = new Set([...readme.matchAll(/\]\((docs\/[^)#]+)/g)].map(([, path]) => path));
    expect(globSync("docs/*.md").filter((path) => !linked.has(path))).toEqual([]);
  });
});
