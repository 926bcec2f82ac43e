import { html, raw } from "hono/html";
import { errorHelp } from "../../src/documentation/error-help.ts";
import { CODES_OUTSIDE_OPERATIONS, type OpenApiDocument } from "../../src/documentation/openapi.ts";
import { type ErrorCode, errorCatalogue, errorType } from "../../src/http/errors.ts";
import { operationsOf } from "./operations.ts";

/** Where the files are that a page is made of. */
export type Links = Record<"css" | "icon" | "scalar" | "reference" | "referenceCss", string>;

type Fragment = ReturnType<typeof html>;

/** `GET /`: what this is, and the one request it is about. */
export function landingPage(document: OpenApiDocument, links: Links): string {
  const operations = operationsOf(document);
  const importing = operations.find(({ id }) => id === "importPhoneNumber");
  if (!importing) throw new Error("there is no import to show");
  return page(
    "Nixflex Numbers: bring your own Twilio number",
    links,
    html`<h1>Bring your own Twilio number to your AI agent</h1>
<p class="lead">One call imports a number that you own at Twilio. From then on its calls and texts come here, to your agent.</p>
<h2 id="request">The call</h2>
${code(
  html`curl <span data-origin>https://numbers.example.com</span>/v1/phone-numbers \\
  -H "Authorization: Bearer KEY_ID:KEY_SECRET" \\
  -H "Content-Type: application/json" \\
  -d '${json(importing.requestExample)}'`,
  "The request",
)}
<p><code>201 Created</code></p>
${code(json(importing.answerExample), "The answer")}
<h2>What it takes care of</h2>
<ul>
<li>Nothing half-done: if Twilio fails in between, the number is given back as it was.</li>
<li>No swallowed calls: SIP trunk, TwiML App and fax bindings are cleared, and the result is checked.</li>
<li>Your secrets stay yours: Auth Tokens and your previous webhooks are sealed, API key secrets only stored as hashes.</li>
<li>Errors that help: each has a stable code, and a page that says what to do.</li>
</ul>
<h2>The API</h2>
<dl>
${operations.map(
  ({ method, path, anchor, summary }) =>
    html`<dt><a href="/docs#${anchor}"><code>${method} ${path}</code></a></dt><dd>${summary}</dd>\n`,
)}</dl>
<h2>Read on</h2>
<ul>
<li><a href="/docs">Reference</a>: every endpoint, field and error, to try out</li>
<li><a href="/docs/errors">Errors</a>: what each code means and what to do</li>
<li><a href="/openapi.json">openapi.json</a>: the API in OpenAPI 3.1, for your tools</li>
<li><a href="/llms.txt">llms.txt</a> and <a href="/llms-full.txt">llms-full.txt</a>: the same for language models</li>
</ul>`,
  );
}

/** `GET /docs`: the frame that Scalar's reference fills. */
export function referencePage({ icon, scalar, reference, referenceCss }: Links): string {
  return text(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Reference · Nixflex Numbers</title>
<link rel="icon" href="${icon}">
<link rel="stylesheet" href="${referenceCss}">
</head>
<body>
<div id="reference"></div>
<noscript><p>The reference needs JavaScript. The same is in <a href="/llms-full.txt">llms-full.txt</a>, as plain text.</p></noscript>
<script src="${scalar}"></script>
<script src="${reference}"></script>
</body>
</html>
`);
}

/** `GET /docs/errors`: every code. */
export function errorListPage(codes: readonly ErrorCode[], links: Links): string {
  return page(
    "Errors · Nixflex Numbers",
    links,
    html`<h1>Errors</h1>
<p class="lead">Every failure has one form. Branch on <code>code</code>; messages may be reworded.</p>
${code(json({ error: { type: "…", code: "…", message: "…", doc_url: "…", details: {} } }), "The envelope")}
<dl>
${codes.map(
  (entry) =>
    html`<dt><a href="/docs/errors/${entry}"><code>${entry}</code></a> <span class="quiet">${errorCatalogue[entry].status}</span></dt><dd>${errorCatalogue[entry].message}</dd>\n`,
)}</dl>`,
  );
}

/** `GET /docs/errors/{code}`: where an error's `doc_url` leads. */
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
        ? "The same request may be sent again."
        : "Sending the same request again gives the same answer until its cause is mended."
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

function page(title: string, { css, icon }: Links, main: Fragment): string {
  return text(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="${icon}">
<link rel="stylesheet" href="${css}">
</head>
<body>
<header><nav aria-label="Site"><a href="/">Nixflex Numbers</a><a href="/docs">Reference</a><a href="/docs/errors">Errors</a></nav></header>
<main>
${main}
</main>
<footer>Nixflex Numbers, MIT licensed. Every response carries an <code>x-request-id</code>; give it to support.</footer>
</body>
</html>
`);
}

/** A block that scrolls by itself where it is too wide, by keyboard too. */
function code(content: Fragment | string, label: string): Fragment {
  return html`<pre tabindex="0" role="region" aria-label="${label}"><code>${content}</code></pre>`;
}

function json(value: unknown): string {
  return JSON.stringify(value, null, 2);
}

/** The text of a page. Nothing in one is awaited. */
function text(fragment: Fragment): string {
  return `${raw(fragment as string)}`;
}
