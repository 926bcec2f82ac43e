import { type Client, createClient } from "@nixflex/numbers";
import { EXIT, Failure, Unreachable, usage } from "./failures.ts";
import { readSettings, writeSettings } from "./settings.ts";

export type Connection = { baseUrl: string; nixflex: Client };

/** @throws Unreachable when a request of the client gets no answer */
export function connect(baseUrl: string, apiKey: string): Connection {
  // A redirect is not followed: what is sent may hold a Twilio token, and goes to no other host.
  const reach = (request: Request) =>
    fetch(request, { redirect: "manual" }).catch((error: unknown) => {
      throw new Unreachable(baseUrl, error);
    });
  return { baseUrl, nixflex: createClient({ baseUrl, token: apiKey, fetch: reach, maxRetries: 0 }) };
}

/** The deployment and the key: of the command line, of the environment, or what `login` has kept. */
export function openConnection({ url }: { url?: string }): Connection {
  const settings = readSettings();
  const baseUrl = chosenUrl(url) ?? settings?.base_url;
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

/** Keeps a key in place of the one that is in use, if that is kept. @returns where */
export function replaceKept(api_key: string): string | undefined {
  const settings = readSettings();
  return settings && !process.env.NIXFLEX_API_KEY?.trim()
    ? writeSettings({ ...settings, api_key })
    : undefined;
}

/** The deployment of the command line, of the environment, or what `login` has kept. */
export function deploymentOf(url: string | undefined): string {
  const baseUrl = chosenUrl(url) ?? readSettings()?.base_url;
  if (baseUrl === undefined) throw usage("The deployment is missing. Use --url, or set NIXFLEX_BASE_URL.");
  return baseUrl;
}

/** The deployment of the command line or of the environment. */
function chosenUrl(url: string | undefined): string | undefined {
  const chosen = url ?? process.env.NIXFLEX_BASE_URL;
  return chosen === undefined ? undefined : normalUrl(chosen);
}

/** The origin of a deployment's URL: https, because a key goes there; http only to this machine. */
export function normalUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLocal = url !== undefined && ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  if (url?.protocol === "https:" || (url?.protocol === "http:" && isLocal)) return url.origin;
  throw usage(`The deployment's URL must be like https://numbers.example.com, not ${JSON.stringify(text)}.`);
}
