import { env } from "cloudflare:workers";
import { app } from "../../src/app.ts";
import { BASE } from "../support/worker.ts";
import { type Example, type Examples, inPath, OF_API_KEYS, OF_LINKS, OF_THE_OPERATOR } from "./examples.ts";
import type { Named, Tenant } from "./tenant.ts";

/** Every route under /v1, from the route table. */
export const routes = [
  ...new Set(
    app.routes
      .filter(({ method, path }) => method !== "ALL" && path.startsWith("/v1/"))
      .map(({ method, path }) => `${method} ${path}`),
  ),
];
export const EXAMPLES = { ...OF_API_KEYS, ...OF_LINKS, ...OF_THE_OPERATOR };
export type HeaderFields = Record<string, string>;

export function requestOf(route: string, example: Example, of: Named, headers: HeaderFields): Request {
  const [method = "", pattern = ""] = route.split(" ");
  const places = { ...inPath(of), ...example.path };
  const path = pattern.replace(/:(\w+)/g, (_, name: string) => {
    const place = places[name];
    if (place === undefined) throw new Error(`${route}: examples.ts has nothing for :${name}`);
    return encodeURIComponent(place);
  });
  const query = new URLSearchParams(example.query).toString();
  return new Request(`${BASE}${path}${query && `?${query}`}`, {
    method,
    headers: { ...(example.body && { "content-type": "application/json" }), ...headers },
    body: example.body ? JSON.stringify(example.body) : null,
  });
}

/** The body as text, even if it is sound. */
export const textOf = async (response: Response) =>
  new TextDecoder().decode(await response.clone().arrayBuffer());

/** Everything that an answer says. */
export async function said(response: Response): Promise<string> {
  return `${response.status} ${JSON.stringify([...response.headers])} ${await textOf(response)}`;
}

/** What an answer says of the one whom the request names, without the names. */
export async function withoutNames(response: Response, of: Named): Promise<string> {
  return Object.values(of).reduce(
    (text, value) => text.replaceAll(value, "…"),
    `${response.status} ${await textOf(response)}`,
  );
}

/** The rows of D1 that are a customer's. */
export async function storedOf(tenant: Tenant): Promise<string[]> {
  const { results: tables } = await env.DB.prepare(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_cf_%'",
  ).all<{ name: string }>();
  const all = await env.DB.batch(tables.map(({ name }) => env.DB.prepare(`SELECT * FROM ${name}`)));
  return all
    .flatMap(({ results }, index) => results.map((row) => `${tables[index]?.name} ${JSON.stringify(row)}`))
    .filter((row) => row.includes(tenant.keyId));
}

export const examplesOf = (route: string): Examples => {
  const examples = EXAMPLES[route];
  if (!examples) throw new Error(`test/security/examples.ts has no example for ${route}`);
  return examples;
};
