import { env } from "cloudflare:workers";
import { keepSecret } from "./logs.ts";
import { authorization, BASE, call, type Key, send } from "./worker.ts";

export type Secret = Key & { secret_id: string; name: string };

type Asked = { name?: string; scope?: "full" | "read"; external_id?: string; expires_at?: string };

let made = 0;

/** Another secret of a key. */
export async function createSecret(key: Key, asked: Asked = {}): Promise<Secret> {
  made += 1;
  const response = await call("POST", "/v1/keys/secrets", key, {
    name: `Secret ${made}`,
    scope: "full",
    ...asked,
  });
  if (response.status !== 201) throw new Error(await response.text());
  const secret = await response.json<Secret>();
  keepSecret(secret.key_secret);
  return secret;
}

/** The headers of a console that has signed in with a secret. */
export async function signedIn(key: Key): Promise<Record<string, string>> {
  const headers = { ...authorization(key), "x-nixflex-console": "1" };
  const response = await send(new Request(`${BASE}/v1/session`, { method: "POST", headers }));
  if (response.status !== 201) throw new Error(await response.text());
  const cookie = response.headers.get("set-cookie")?.split(";")[0] ?? "";
  return { cookie, "x-nixflex-console": "1" };
}

/** Stores so many more secrets of a key. Nobody can send one of them. */
export async function fillWithSecrets(key: Key, count: number): Promise<void> {
  await env.DB.prepare(
    `INSERT INTO key_secrets (id, api_key_id, secret_hash, is_first, name, scope, created_at)
      SELECT 'sec_' || value, ?1, 'h' || value, 0, 'n' || value, 'full', '2026' FROM json_each(?2)`,
  )
    .bind(key.key_id, JSON.stringify([...Array(count).keys()]))
    .run();
}
