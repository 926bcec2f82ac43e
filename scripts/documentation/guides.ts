import { readFileSync } from "node:fs";
import { html, raw } from "hono/html";
import { Marked, type Tokens } from "marked";
import { type Links, page } from "./pages.ts";

// The guides that the Worker serves at /docs/{name}, from the Markdown files of docs/.

/** Every guide, in the order of the navigation. */
const GUIDES: Readonly<Record<string, readonly string[]>> = {
  Begin: ["quickstart", "resellers", "import-a-number", "release-a-number", "twilio-credentials", "regions"],
  "Many numbers": ["bulk-import", "connect-links", "command-line", "mcp", "sdks"],
  "Calls and texts": ["agents", "inbound-url", "calls", "runtime", "runtime-examples"],
  Events: ["events", "verify-events", "event-delivery"],
  "Keep running": ["reconciliation", "api-keys", "idempotency"],
};

/** Pages of this site that are not guides, by the file that a guide links to. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "api.md": "/docs",
  "errors.md": "/docs/errors",
  "console.md": "/console",
};

/** In code, the Worker puts its own origin in its place. */
const ORIGIN = "https://numbers.example.com";

const NAMES = Object.values(GUIDES).flat();

/** The pages of all guides, by their path in public/. */
export function guidePages(links: Links): Record<string, string> {
  const sources = new Map(NAMES.map((name) => [name, readFileSync(`docs/${name}.md`, "utf8")]));
  const titles = new Map([...sources].map(([name, text]) => [name, /^# (.+)$/m.exec(text)?.[1] ?? name]));
  return Object.fromEntries(
    [...sources].map(([name, text]) => [
      `docs/${name}.html`,
      page(`${titles.get(name)} · Nixflex Numbers`, links, html`${raw(render(text))}`, {
        navigation: navigation(name, titles),
      }),
    ]),
  );
}

function navigation(present: string, titles: ReadonlyMap<string, string>) {
  return html`<nav class="guides" aria-label="Guides">
${Object.entries(GUIDES).map(
  ([group, names]) => html`<p>${group}</p>
<ul>
${names.map(
  (name) =>
    html`<li><a href="/docs/${name}"${raw(name === present ? ' aria-current="page"' : "")}>${titles.get(name)}</a></li>\n`,
)}</ul>
`,
)}</nav>`;
}

/** The anchor of a heading, as GitHub makes it: the files link to each other's headings. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");
}

/** Where a link of a guide leads on this site; undefined if its target is not served. */
function targetOf(link: string): string | undefined {
  if (/^(?:https:|#)/.test(link)) return link;
  const [file = "", anchor] = link.split("#");
  const elsewhere = ELSEWHERE[file];
  if (elsewhere !== undefined) return elsewhere;
  const name = file.replace(/\.md$/, "");
  if (!NAMES.includes(name)) return undefined;
  return `/docs/${name}${anchor === undefined ? "" : `#${anchor}`}`;
}

const marked = new Marked({
  renderer: {
    heading({ tokens, depth, text }: Tokens.Heading): string {
      const inner = this.parser.parseInline(tokens);
      const id = anchorOf(text);
      return depth === 1
        ? `<h1>${inner}</h1>\n`
        : `<h${depth} id="${id}">${inner} <a class="anchor" href="#${id}" aria-label="Link to this section">#</a></h${depth}>\n`;
    },
    link({ href, tokens }: Tokens.Link): string {
      const target = targetOf(href);
      const inner = this.parser.parseInline(tokens);
      return target === undefined ? inner : `<a href="${target}">${inner}</a>`;
    },
    code({ text, lang }: Tokens.Code): string {
      return `<pre tabindex="0" role="group" aria-label="${lang || "Code"}"><code>${html`${text}`.toString().replaceAll(ORIGIN, `<span data-origin>${ORIGIN}</span>`)}</code></pre>\n`;
    },
    table(token: Tokens.Table): string {
      const row = (cells: Tokens.TableCell[], name: string) =>
        `<tr>${cells.map(({ tokens }) => `<${name}>${this.parser.parseInline(tokens)}</${name}>`).join("")}</tr>`;
      return `<div class="table" tabindex="0" role="group" aria-label="Table"><table><thead>${row(token.header, "th")}</thead><tbody>${token.rows
        .map((cells) => row(cells, "td"))
        .join("")}</tbody></table></div>\n`;
    },
  },
});

function render(text: string): string {
  return marked.parse(text, { async: false });
}
