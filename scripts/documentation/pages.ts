import { html, raw } from "hono/html";
import { errorHelp } from "../../reference/error-help.ts";
import { CODES_OUTSIDE_OPERATIONS, type OpenApiDocument } from "../../reference/openapi.ts";
import { type ErrorCode, errorCatalogue, errorType } from "../../src/http/errors.ts";
import { operationsOf } from "./operations.ts";

/** The paths of the files that a page loads. */
export type Links = Record<
  | "css"
  | "icon"
  | "copy"
  | "scalar"
  | "reference"
  | "referenceCss"
  | "console"
  | "consoleCss"
  | "connect"
  | "connectCss",
  string
>;

type Fragment = ReturnType<typeof html>;

/** `GET /`: what this service is, and its main request. */
export function landingPage(document: OpenApiDocument, links: Links): string {
  const operations = operationsOf(document);
  const importing = operations.find(({ id }) => id === "importPhoneNumber");
  if (!importing) throw new Error("there is no import to show");
  return page(
    "Nixflex Numbers: bring your own Twilio number",
    links,
    html`<div class="hero">
<div>
<h1>Bring your own Twilio number to your AI agent</h1>
<p class="lead">One call imports a number that you own at Twilio. From then on its calls and texts go to your agent. You keep the number, and can take it back at any time.</p>
<p class="ways"><a class="button" href="/docs/quickstart">Quickstart</a> <a href="/console">Open the console</a> <a href="/docs">Reference</a></p>
</div>
<div>
<h2 id="request">The call</h2>
${code(
  html`curl <span data-origin>https://numbers.example.com</span>/v1/phone-numbers \\
  -H "Authorization: Bearer KEY_ID:KEY_SECRET" \\
  -H "Content-Type: application/json" \\
  -d '${json(importing.requestExample)}'`,
  "The request",
)}
<p><code>201 Created</code></p>
${code(json(importing.answers[0].example), "The answer")}
</div>
</div>
<h2>What it does for you</h2>
<ul>
<li>No half-finished imports: if Twilio fails during an import, the number's old settings are restored.</li>
<li>No lost calls: an import clears the number's SIP trunk, TwiML App and fax settings, and verifies the result.</li>
<li>Your secrets are safe: Auth Tokens and your previous webhooks are stored encrypted, API key secrets only as hashes.</li>
<li>Errors that help: each error has a fixed code, and a page that says what to do.</li>
</ul>
<h2>The API</h2>
<dl>
${operations.map(
  ({ method, path, anchor, summary }) =>
    html`<dt><a href="/docs#${anchor}"><code>${method} ${path}</code></a></dt><dd>${summary}</dd>\n`,
)}</dl>
<h2>More to read</h2>
<ul>
<li><a href="/docs/quickstart">Quickstart</a>, <a href="/docs/agents">agents</a>, <a href="/docs/runtime">your own runtime</a>, <a href="/docs/events">events</a>: the guides</li>
<li><a href="/docs">Reference</a>: every endpoint, field and error; you can try them there</li>
<li><a href="/docs/errors">Errors</a>: what each code means and what to do</li>
<li><a href="/openapi.json">openapi.json</a>: the API in OpenAPI 3.1, for your tools</li>
<li><a href="/llms.txt">llms.txt</a> and <a href="/llms-full.txt">llms-full.txt</a>: the same, for language models</li>
</ul>`,
    { isWide: true },
  );
}

/** `GET /docs`: the page that Scalar fills with the reference. */
export function referencePage({ icon, scalar, reference, referenceCss }: Links): string {
  return shell(
    { title: "Reference · Nixflex Numbers", icon, css: referenceCss },
    html`<body>
<div id="reference"></div>
<noscript><p>The reference needs JavaScript. You can read the same as plain text in <a href="/llms-full.txt">llms-full.txt</a>.</p></noscript>
<script src="${scalar}"></script>
<script src="${reference}"></script>
</body>`,
  );
}

/** `GET /console`: the page that the console's script fills. */
export function consolePage({ icon, console: script, consoleCss }: Links): string {
  return shell(
    { title: "Console · Nixflex Numbers", icon, css: consoleCss, script },
    html`<body>
<div id="console"></div>
<noscript><p>The console needs JavaScript. Everything it does is in <a href="/docs">the API</a> too.</p></noscript>
</body>`,
  );
}

/** `GET /connect`: the page of a connect link. */
export function connectPage({ icon, connect: script, connectCss }: Links): string {
  return shell(
    { title: "Connect your Twilio number", icon, css: connectCss, script, isUnlisted: true },
    html`<body>
<div id="connect"></div>
<noscript><p>This page needs JavaScript.</p></noscript>
</body>`,
  );
}

/** `GET /docs/errors`: every code. */
export function errorListPage(codes: readonly ErrorCode[], links: Links): string {
  return page(
    "Errors · Nixflex Numbers",
    links,
    html`<h1>Errors</h1>
<p class="lead">All errors have the same form. Branch on <code>code</code>: messages may change.</p>
${code(json({ error: { type: "…", code: "…", message: "…", doc_url: "…", details: {} } }), "The envelope")}
<dl>
${codes.map(
  (entry) =>
    html`<dt><a href="/docs/errors/${entry}"><code>${entry}</code></a> <span class="quiet">${errorCatalogue[entry].status}</span></dt><dd>${errorCatalogue[entry].message}</dd>\n`,
)}</dl>`,
  );
}

/** `GET /docs/errors/{code}`: the page that `doc_url` of an error points to. */
export function errorPage(entry: ErrorCode, document: OpenApiDocument, links: Links): string {
  const { status, message } = errorCatalogue[entry];
  const { happened, remedy, details } = errorHelp[entry];
  const isRetryable = "retryable" in errorCatalogue[entry];
  const answeredBy = operationsOf(document).filter(({ errors }) => errors.includes(entry));
  return page(
    `${entry} · Nixflex Numbers`,
    links,
    html`<h1><code>${entry}</code></h1>
<p class="quiet">HTTP ${status}, type <code>${errorType(status)}</code></p>
<p class="lead">${message}</p>
<h2>What happened</h2>
<p>${happened}</p>
<h2>What to do</h2>
<ol>
${remedy.map((step) => html`<li>${step}</li>\n`)}</ol>
<p>${
      isRetryable
        ? "You may send the same request again."
        : "If you send the same request again, you get the same answer until the cause is corrected."
    }</p>
${details ? html`<h2>An example of its details</h2>\n${code(json(details), "Details")}` : ""}
${
  CODES_OUTSIDE_OPERATIONS.includes(entry)
    ? ""
    : html`<h2>Where it comes from</h2>
<ul>
${answeredBy.map(
  ({ method, path, anchor }) => html`<li><a href="/docs#${anchor}"><code>${method} ${path}</code></a></li>\n`,
)}</ul>`
}`,
  );
}

type Frame = {
  /** Stands beside the page. */
  navigation?: Fragment;
  /** Takes more width than text should have. */
  isWide?: boolean;
};

/** A page in the site's frame. One that says more than its text has copy buttons. */
export function page(
  title: string,
  { css, icon, copy }: Links,
  main: Fragment,
  { navigation, isWide = false }: Frame = {},
): string {
  const hasCode = isWide || navigation !== undefined;
  return shell(
    { title, icon, css, script: hasCode ? copy : undefined },
    html`<body${raw(hasCode ? ' class="wide"' : "")}>
<header><nav aria-label="Site"><a href="/">Nixflex Numbers</a><a href="/docs/quickstart">Guides</a><a href="/docs">Reference</a><a href="/docs/errors">Errors</a><a href="/console">Console</a></nav></header>
${navigation === undefined ? "" : html`<div class="beside">${navigation}`}
<main>
${main}
</main>
${navigation === undefined ? "" : raw("</div>")}
<footer>Nixflex Numbers, MIT licensed. Every response has an <code>x-request-id</code>; give it to support.</footer>
</body>`,
  );
}

type Head = { title: string; icon: string; css: string; script?: string | undefined; isUnlisted?: boolean };

/** A whole page. @param isUnlisted search engines leave it out */
function shell({ title, icon, css, script, isUnlisted = false }: Head, body: Fragment): string {
  return text(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${isUnlisted ? html`<meta name="robots" content="noindex">\n` : ""}<title>${title}</title>
<link rel="icon" href="${icon}">
<link rel="stylesheet" href="${css}">
${script === undefined ? "" : html`<script type="module" src="${script}"></script>\n`}</head>
${body}
</html>
`);
}

/** A block of code. If it is too wide it scrolls, also by keyboard. */
function code(content: Fragment | string, label: string): Fragment {
  return html`<pre tabindex="0" role="region" aria-label="${label}"><code>${content}</code></pre>`;
}

function json(value: unknown): string {
  return JSON.stringify(value, null, 2);
}

/** The text of a page. No part of a page is a promise. */
function text(fragment: Fragment): string {
  return `${raw(fragment as string)}`;
}
