import { wranglerQuietly } from "./wrangler.ts";

// The one question to Cloudflare that wrangler asks too late.

const API = process.env.CLOUDFLARE_API_BASE_URL ?? "https://api.cloudflare.com/client/v4";
const NO_SUBDOMAIN = 10007;

type Reply<T> = { success: boolean; result: T; errors?: { code: number }[] };

/**
 * The account's subdomain of workers.dev; null if it has none, undefined if that cannot be known here: nobody is logged
 * in, or there are several accounts. Wrangler then asks, or says what is missing.
 */
export async function workersDevSubdomain(
  configuredAccount: string | undefined,
): Promise<string | null | undefined> {
  const token = process.env.CLOUDFLARE_API_TOKEN || tokenOfWrangler();
  if (token === undefined) return undefined;
  const get = async <T>(path: string): Promise<Reply<T>> => {
    const response = await fetch(`${API}${path}`, { headers: { authorization: `Bearer ${token}` } });
    return (await response.json()) as Reply<T>;
  };
  try {
    const account = process.env.CLOUDFLARE_ACCOUNT_ID ?? configuredAccount ?? onlyOne(await get("/accounts"));
    if (account === undefined) return undefined;
    const { success, result, errors } = await get<{ subdomain: string }>(
      `/accounts/${account}/workers/subdomain`,
    );
    if (success) return result.subdomain;
    return errors?.some(({ code }) => code === NO_SUBDOMAIN) ? null : undefined;
  } catch {
    // Wrangler meets the same failure, and says more of it.
    return undefined;
  }
}

function onlyOne({ success, result }: Reply<{ id: string }[]>): string | undefined {
  return success && result.length === 1 ? result[0]?.id : undefined;
}

function tokenOfWrangler(): string | undefined {
  const { succeeded, stdout } = wranglerQuietly(["auth", "token", "--json"]);
  return succeeded ? (JSON.parse(stdout) as { token?: string }).token : undefined;
}
