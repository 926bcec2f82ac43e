import { createHash } from "node:crypto";
import { globSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import packageJson from "../../package.json" with { type: "json" };
import { openApiDocument } from "../../reference/openapi.ts";
import { type ErrorCode, errorCatalogue } from "../../src/http/errors.ts";
import { CATALOGUE_PATH } from "../../src/mcp/catalogue.ts";
import { pageScript, script } from "./console.ts";
import { guidePages } from "./guides.ts";
import { headersFile } from "./headers.ts";
import { llmsFullText, llmsText } from "./llms.ts";
import { connectPage, consolePage, errorListPage, errorPage, landingPage, referencePage } from "./pages.ts";
import { toolCatalogue } from "./tools.ts";
import { writeIfChanged } from "./write.ts";

// Builds public/, which the Worker serves. Every script that needs the Worker runs this first. It takes a moment, and
// nobody can forget it.

const TARGET = "public";
const API_TEXT = "docs/api.md";
const SOURCE = "scripts/documentation";
const SCALAR = "node_modules/@scalar/fastify-api-reference/dist/index.js";

const CODES = Object.keys(errorCatalogue) as ErrorCode[];

/** Writes public/. Files with the right content are not written, because a running `wrangler dev` watches them. */
export function buildDocumentation(): void {
  const document = openApiDocument(packageJson.version);
  const numbersCsv = hashed("numbers-csv.js", script("sdk/cli/numbers-csv.ts"));
  const assets = {
    numbersCsv,
    css: hashed("site.css", own("tokens.css") + own("site.css")),
    icon: hashed("icon.svg", own("icon.svg")),
    copy: hashed("copy.js", own("copy.js")),
    scalar: hashed("scalar.js", scalarScript()),
    reference: hashed("reference.js", own("reference.js")),
    referenceCss: hashed("reference.css", own("reference.css")),
    console: hashed("console.js", pageScript(document, "console/index.tsx", numbersCsv.link)),
    consoleCss: hashed("console.css", own("tokens.css") + read("console/style.css")),
    connect: hashed("connect.js", pageScript(document, "console/connect/index.tsx", numbersCsv.link)),
    connectCss: hashed(
      "connect.css",
      own("tokens.css") + read("console/style.css") + read("console/connect/style.css"),
    ),
  };
  const links = mapValues(assets, ({ link }) => link);
  const guides = guidePages(links);
  const files: Record<string, string> = {
    _headers: headersFile(Object.keys(guides).map((path) => `/${path.replace(/\.html$/, "")}`)),
    "index.html": landingPage(document, links),
    "docs.html": referencePage(links),
    "console.html": consolePage(links),
    "connect.html": connectPage(links),
    ...guides,
    "docs/errors.html": errorListPage(CODES, links),
    [CATALOGUE_PATH]: JSON.stringify(toolCatalogue(document)),
    "openapi.json": `${JSON.stringify(document)}\n`,
    "llms.txt": llmsText(document),
    "llms-full.txt": llmsFullText(document, CODES),
    ...Object.fromEntries(
      CODES.map((code) => [`docs/errors/${code}.html`, errorPage(code, document, links)]),
    ),
    ...Object.fromEntries(Object.values(assets).map(({ link, content }) => [link.slice(1), content])),
  };
  for (const [path, content] of Object.entries(files)) writeIfChanged(join(TARGET, path), content);
  for (const path of globSync("**/*.*", { cwd: TARGET })) {
    if (!Object.hasOwn(files, path.replaceAll("\\", "/"))) rmSync(join(TARGET, path));
  }
}

/**
 * The content of docs/api.md: the reference for people who read the repository.
 *
 * @internal
 */
export function apiText(): string {
  const note = "<!-- Written by `npm run docs:build` from the schemas and from reference/. -->";
  return `${note}\n\n${llmsFullText(openApiDocument(), CODES)}`;
}

/** Writes docs/api.md, which is committed. A test fails if it is out of date. */
export function writeApiText(): void {
  writeIfChanged(API_TEXT, apiText());
}

/** Scalar's script. Scalar's Fastify plugin holds it as a string literal, and installs far fewer packages than Scalar's own. */
function scalarScript(): string {
  const literal = /^var standalone_default = (".*");$/m.exec(read(SCALAR))?.[1];
  if (literal === undefined) throw new Error(`${SCALAR} no longer has the script under this name.`);
  return runInNewContext(literal);
}

function own(name: string): string {
  return read(join(SOURCE, name));
}

function read(path: string): string {
  return readFileSync(path, "utf8");
}

/** A file that may be cached for ever: its name changes with its content. */
function hashed(name: string, content: string): { link: string; content: string } {
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 10);
  return { link: `/assets/${name.replace(".", `.${hash}.`)}`, content };
}

function mapValues<Key extends string, From, To>(
  record: Record<Key, From>,
  to: (value: From) => To,
): Record<Key, To> {
  return Object.fromEntries(Object.entries<From>(record).map(([key, value]) => [key, to(value)])) as Record<
    Key,
    To
  >;
}
