import { NixflexError } from "./error.ts";
import type { operations } from "./generated/openapi.ts";
import { routes } from "./generated/routes.ts";
import { pause, waitSeconds } from "./retry.ts";

export type ClientOptions = {
  /** The URL of the deployment, such as `https://numbers.example.com`. */
  baseUrl: string;
  /** The text after `Bearer`: `KEY_ID:KEY_SECRET`, or the admin token for operations that need it. */
  token?: string;
  /** The `fetch` to use; the global one by default. */
  fetch?: (request: Request) => Promise<Response>;
  /**
   * How often a request is sent again that may be sent twice: a GET, or one with an `Idempotency-Key`, which the client
   * makes if you give none. 2 by default. With 0 it makes none.
   */
  maxRetries?: number;
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
  maxRetries = 2,
}: ClientOptions): Client {
  const call =
    ([method, template, takesKey]: Route) =>
    async ({ path = {}, query = {}, body }: AnyInput = {}, { headers: own, signal }: RequestOptions = {}) => {
      const url = new URL(
        template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(path[name]))),
        baseUrl,
      );
      for (const [name, value] of Object.entries(query)) {
        if (value !== undefined) url.searchParams.set(name, String(value));
      }
      const headers = new Headers({
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { "content-type": "application/json" }),
        ...own,
      });
      if (takesKey && maxRetries > 0 && !headers.has(KEY)) headers.set(KEY, crypto.randomUUID());
      const tries = method === "GET" || (takesKey && headers.has(KEY)) ? 1 + maxRetries : 1;
      const text = body === undefined ? null : JSON.stringify(body);
      for (let tried = 1; ; tried += 1) {
        try {
          const request = new Request(url, { method, headers, body: text, signal: signal ?? null });
          return await read(await send(request));
        } catch (failure) {
          const seconds = tried < tries && !signal?.aborted ? waitSeconds(failure, tried) : undefined;
          if (seconds === undefined) throw failure;
          await pause(seconds, signal);
        }
      }
    };
  return Object.fromEntries(
    Object.entries<Route>(routes).map(([id, route]) => [id, call(route)]),
  ) as unknown as Client;
}

const KEY = "idempotency-key";

type Route = readonly [method: string, template: string, takesKey?: boolean];

/** @throws NixflexError */
async function read(response: Response): Promise<unknown> {
  // A recording, or a table. Any other form is not this API's, such as a page of a proxy.
  const isFile = /^(?:audio\/|text\/csv)/.test(response.headers.get("content-type") ?? "");
  if (response.ok && isFile) return response.blob();
  const answer = await response.json().catch(() => undefined);
  if (!response.ok || answer === undefined) throw new NixflexError(response, answer?.error);
  return answer;
}
