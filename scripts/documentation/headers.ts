// What `_headers` says of the files in public/: https://developers.cloudflare.com/workers/static-assets/headers/

const NOTHING_ELSE = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const PAGE = `default-src 'none'; style-src 'self'; img-src 'self'; ${NOTHING_ELSE}`;
// A script puts copy buttons on code.
const GUIDE = `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; ${NOTHING_ELSE}`;
// The reference is a third party's application: its styles are inline, and it can call this API for the reader.
const REFERENCE = `default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; ${NOTHING_ELSE}`;
// The console calls this API, and plays recordings that it has fetched.
const CONSOLE = `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src blob:; connect-src 'self'; ${NOTHING_ELSE}`;

// The page of a connect link calls this API, and nothing else.
const CONNECT = `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; ${NOTHING_ELSE}`;

const REVALIDATE = "no-cache";
// The name of a file under /assets has the hash of its content.
const FOREVER = "public, max-age=31536000, immutable";

/** The content of `_headers`. Exactly one rule fits each path: Cloudflare joins the values of two. */
export function headersFile(guides: readonly string[]): string {
  const rules: [path: string, policy: string, caching?: string, more?: string][] = [
    ["/", GUIDE],
    ["/docs", REFERENCE],
    ["/console", CONSOLE],
    ["/connect", CONNECT, "no-store", "X-Robots-Tag: noindex"],
    ["/assets/*", PAGE, FOREVER],
    ["/docs/errors", PAGE],
    ["/docs/errors/*", PAGE],
    ["/openapi.json", PAGE],
    ["/llms.txt", PAGE],
    ["/llms-full.txt", PAGE],
    ...guides.map((path): [string, string] => [path, GUIDE]),
  ];
  return rules
    .map(([path, policy, caching = REVALIDATE, ...more]) =>
      [
        path,
        `Cache-Control: ${caching}`,
        `Content-Security-Policy: ${policy}`,
        "Referrer-Policy: no-referrer",
        "Cross-Origin-Opener-Policy: same-origin",
        "X-Content-Type-Options: nosniff",
        "Strict-Transport-Security: max-age=31536000",
        ...more,
      ].join("\n  "),
    )
    .join("\n");
}
