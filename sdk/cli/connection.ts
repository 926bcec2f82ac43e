import { type Client, type components, createClient, NixflexError } from "@nixflex/numbers";
import { EXIT, Failure, Unreachable, usage } from "./failures.ts";
import { readSettings } from "./settings.ts";

type Sent = {
  query?: Record<string, string | number | undefined>;
  body?: unknown;
  headers?: Record<string, string>;
};

type ErrorEnvelope = components["schemas"]["Error"]["error"];

export type Connection = {
  baseUrl: string;
  nixflex: Client;
  /** Any request under the base URL. @throws NixflexError, Unreachable */
  send: (method: string, path: string, request?: Sent) => Promise<Response>;
};

export function connect(baseUrl: string, apiKey: string): Connection {
  // A redirect is not followed: what is sent may hold a Twilio token, and goes to no other host.
  const reach = (request: Request) =>
    fetch(request, { redirect: "manual" }).catch((error: unknown) => {
      throw new Unreachable(baseUrl, error);
    });
  return {
    baseUrl,
    nixflex: createClient({ baseUrl, token: apiKey, fetch: reach }),
    async send(method, path, { query = {}, body, headers } = {}) {
      const url = new URL(path, baseUrl);
      for (const [name, value] of Object.entries(query)) {
        if (value !== undefined) url.searchParams.set(name, String(value));
      }
      const response = await reach(
        new Request(url, {
          method,
          headers: {
            authorization: `Bearer ${apiKey}`,
            ...(body !== undefined && { "content-type": "application/json" }),
            ...headers,
          },
          body: body === undefined ? null : JSON.stringify(body),
        }),
      );
      if (response.ok) return response;
      const { error } = (await response.json().catch(() => ({}))) as { error?: ErrorEnvelope };
      throw new NixflexError(response, error);
    },
  };
}

/** The deployment and the key: of the command line, of the environment, or what `login` has kept. */
export function openConnection({ url }: { url?: string }): Connection {
  const settings = readSettings();
  const chosen = url ?? process.env.NIXFLEX_BASE_URL;
  const baseUrl = chosen === undefined ? settings?.base_url : normalUrl(chosen);
  // A kept key is for the deployment that it was kept for.
  const kept = settings?.base_url === baseUrl ? settings?.api_key : undefined;
  const apiKey = process.env.NIXFLEX_API_KEY?.trim() || kept;
  if (baseUrl === undefined || apiKey === undefined) {
    const where = baseUrl === undefined ? "" : ` at ${baseUrl}`;
    throw new Failure(
      EXIT.notSignedIn,
      `You are not signed in${where}. Run \`nixflex-numbers login\`, or set NIXFLEX_API_KEY and NIXFLEX_BASE_URL.`,
    );
  }
  return connect(baseUrl, apiKey);
}

/** The origin of a deployment's URL: https, because a key goes there; http only to this machine. */
export function normalUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLocal = url !== undefined && ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  if (url?.protocol === "https:" || (url?.protocol === "http:" && isLocal)) return url.origin;
  throw usage(`The deployment's URL must be like https://numbers.example.com, not ${JSON.stringify(text)}.`);
}
