import { randomBytes } from "node:crypto";

/** New values of the Worker's secrets; see wrangler.toml. */
export function freshSecrets(): Record<"TOKEN_ENCRYPTION_KEYS" | "ID_SECRET" | "ADMIN_TOKEN", string> {
  const keyId = `k${new Date().toISOString().slice(0, 10).replaceAll("-", "")}`;
  return {
    TOKEN_ENCRYPTION_KEYS: `${keyId}:${randomBytes(32).toString("base64url")}`,
    ID_SECRET: randomBytes(32).toString("base64url"),
    ADMIN_TOKEN: `nxa_${randomBytes(32).toString("hex")}`,
  };
}
