import { createTestHarness } from "wrangler";
import { buildDocumentation } from "../documentation/build.ts";
import { freshSecrets } from "../fresh-secrets.ts";

// Nothing here reads where a request came from, so wrangler need not ask Cloudflare for an example of it.
process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";

export const PUBLIC_BASE_URL = "https://numbers.example.com";

export type Answer<Body = Record<string, string>> = { status: number; body: Body };

/**
 * The Worker on a real workerd with a real D1. Its public name is one that only the simulated network knows.
 *
 * @param given more of its variables
 */
export async function startWorker(twilioUrl: string, regionUrls: string, given: Record<string, string> = {}) {
  buildDocumentation();
  const secrets = freshSecrets();
  const vars = {
    PUBLIC_BASE_URL,
    TWILIO_API_BASE_URL: twilioUrl,
    TWILIO_REGION_BASE_URLS: regionUrls,
    TWILIO_TIMEOUT_MS: "8000",
    OPEN_SIGNUP: "false",
    CONNECT_LINKS: "true",
    ALLOW_LOCAL_WEBHOOKS: "true",
    MODEL_BASE_URL: `${twilioUrl}/v1`,
    MODEL: "scripted",
    ...given,
  };
  const server = createTestHarness({ workers: [{ configPath: "wrangler.toml", vars, secrets }] });
  const { url } = await server.listen();
  const worker = server.getWorker<Env>();
  await worker.applyD1Migrations("DB");

  /** Whoever sends requests with this bearer token. */
  function clientOf(bearer: string) {
    async function send<Body>(method: string, path: string, body?: unknown): Promise<Answer<Body>> {
      const response = await fetch(new URL(path, url), {
        method,
        headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json" },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      return { status: response.status, body: (await response.json()) as Body };
    }
    return {
      post: <Body = Record<string, string>>(path: string, body: unknown) => send<Body>("POST", path, body),
      delete: <Body = Record<string, string>>(path: string) => send<Body>("DELETE", path),
    };
  }

  return {
    url: url.href,
    adminToken: secrets.ADMIN_TOKEN,
    clientOf,
    database: (await worker.getEnv()).DB,
    runCron: (cron: string) => worker.scheduled({ cron, scheduledTime: new Date() }),
    logs: () => JSON.stringify(server.getLogs()),
    /** Prints what the Worker has logged. */
    debug: () => server.debug(),
    close: () => server.close(),
  };
}
