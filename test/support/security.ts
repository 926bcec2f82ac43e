import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { BASE, createKey, expectError, send } from "./worker.ts";

/** What every endpoint with an API key must refuse, whatever else the request holds. */
export function requiresApiKey(method: string, path: string, body?: unknown): void {
  describe(`${method} ${path} needs an API key`, () => {
    const request = async (authorization: string | undefined, headers: Record<string, string> = {}) => {
      const response = await send(
        new Request(`${BASE}${path}`, {
          method,
          headers: {
            "content-type": "application/json",
            ...(authorization && { authorization }),
            ...headers,
          },
          body: body === undefined ? null : JSON.stringify(body),
        }),
      );
      expect(response.headers.get("www-authenticate")).toBe('Bearer realm="nixflex"');
      return response;
    };

    it("no key, another scheme, a wrong or unknown key: invalid_api_key", async () => {
      const key = await createKey();
      const other = await createKey();
      for (const authorization of [
        undefined,
        `Basic ${btoa(`${key.key_id}:${key.key_secret}`)}`,
        `${key.key_id}:${key.key_secret}`,
        `Bearer ${key.key_id}:${other.key_secret}`,
        `Bearer ${key.key_id}:${key.key_secret.slice(0, -1)}`,
        `Bearer ${key.key_id}:${key.key_secret}0`,
        `Bearer nxf_${"0".repeat(32)}:${key.key_secret}`,
        `Bearer ${key.key_id.toUpperCase()}:${key.key_secret}`,
        `Bearer ${key.key_secret}:${key.key_id}`,
        `Bearer :${key.key_secret}`,
        `Bearer ' OR 1=1 --:${key.key_secret}`,
        `Bearer ${env.ADMIN_TOKEN}:${env.ADMIN_TOKEN}`,
      ]) {
        const error = await expectError(await request(authorization), 401, "invalid_api_key");
        expect(error.type).toBe("authentication_error");
      }
    });

    it("half a key: key_secret_required", async () => {
      const key = await createKey();
      for (const authorization of [
        `Bearer ${key.key_id}`,
        `Bearer ${key.key_id}:`,
        `bearer ${key.key_id}: `,
        "Bearer",
        `Bearer ${env.ADMIN_TOKEN}`,
      ]) {
        const error = await expectError(await request(authorization), 401, "key_secret_required");
        expect(error.type).toBe("authentication_error");
      }
    });

    it("is decided before the body is looked at", async () => {
      await expectError(await request(undefined, { "content-type": "text/plain" }), 401, "invalid_api_key");
    });
  });
}
