import { NixflexError } from "./error.ts";
import type { operations } from "./generated/openapi.ts";
import { routes } from "./generated/routes.ts";

export type ClientOptions = {
  /** The URL of the deployment, such as `https://numbers.example.com`. */
  baseUrl: string;
  /** The text after `Bearer`: `KEY_ID:KEY_SECRET`, or the admin token for operations that need it. */
  token?: string;
  /** The `fetch` to use; the global one by default. */
  fetch?: (request: Request) => Promise<Response>;
};

export type RequestOptions = { headers?: Record<string, string>; signal?: AbortSignal };

type Part<Name extends string, Value> = [NonNullable<Value>] extends [never]
  ? unknown
  : undefined extends Value
    ? { [Key in Name]?: NonNullable<Value> }
    : { [Key in Name]: Value };

type Parameters = { path?: unknown; query?: unknown };

type Input<Operation> = Operation extends { parameters: infer P extends Parameters }
  ? Part<"path", P["path"]> & Part<"query", P["query"]> & Part<"body", Body<Operation>>
  : never;

type Body<Operation> = Operation extends { requestBody: { content: { "application/json": infer Content } } }
  ? Content
  : never;

type Answer<Operation> = Operation extends { responses: infer Responses }
  ? {
      [Status in keyof Responses]: Status extends 200 | 201 | 202
        ? Responses[Status] extends { content: { "application/json": infer Content } }
          ? Content
          : Blob
        : never;
    }[keyof Responses]
  : never;

type Method<Operation> =
  Record<never, never> extends Input<Operation>
    ? (input?: Input<Operation>, options?: RequestOptions) => Promise<Answer<Operation>>
    : (input: Input<Operation>, options?: RequestOptions) => Promise<Answer<Operation>>;

/** One method for each operation of the API, by its `operationId`. An error answer is thrown as {@link NixflexError}. */
export type Client = { readonly [Id in keyof operations]: Method<operations[Id]> };

type AnyInput = { path?: Record<string, unknown>; query?: Record<string, unknown>; body?: unknown };

/**
 * A client for one deployment.
 *
 * ```ts
 * const nixflex = createClient({ baseUrl: "https://numbers.example.com", token: "KEY_ID:KEY_SECRET" });
 * const { phone_number } = await nixflex.importPhoneNumber({ body: { phone_number: "+447446466847", … } });
 * ```
 */
export function createClient({
  baseUrl,
  token,
  fetch: send = (request) => fetch(request),
}: ClientOptions): Client {
  const call =
    (method: string, template: string) =>
    async ({ path = {}, query = {}, body }: AnyInput = {}, { headers, signal }: RequestOptions = {}) => {
      const url = new URL(
        template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(path[name]))),
        baseUrl,
      );
      for (const [name, value] of Object.entries(query)) {
        if (value !== undefined) url.searchParams.set(name, String(value));
      }
      const response = await send(
        new Request(url, {
          method,
          headers: {
            ...(token !== undefined && { authorization: `Bearer ${token}` }),
            ...(body !== undefined && { "content-type": "application/json" }),
            ...headers,
          },
          body: body === undefined ? null : JSON.stringify(body),
          signal: signal ?? null,
        }),
      );
      // A recording, or a table. Any other form is not this API's, such as a page of a proxy.
      const isFile = /^(?:audio\/|text\/csv)/.test(response.headers.get("content-type") ?? "");
      if (response.ok && isFile) return response.blob();
      const answer = await response.json().catch(() => undefined);
      if (!response.ok || answer === undefined) throw new NixflexError(response, answer?.error);
      return answer;
    };
  return Object.fromEntries(
    Object.entries(routes).map(([id, [method, template]]) => [id, call(method, template)]),
  ) as unknown as Client;
}
